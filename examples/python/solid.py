"""solid from Python: ctypes and no dependency; arrays are numpy's where numpy is installed, else lists. solid_calls.py lies beside it.

    model = Model("model.safetensors")            device="cuda", threads=8
    users = Users(model)                          in this process's memory
    users.push([("anna", "item-3"), ("anna", "item-7")])       KeyError for an item that is not in the model
    users.recommend("anna", k=5)                  [Item(id='item-9', score=3.1, title='...'), ...]
    model.similar("item-3"), users.slate("anna")
    model.vectors, model.codes                    what scores: user vector . model.vectors[i]; semantic codes
    model.user_vectors([["item-3", "item-7"]])    one row a history, oldest first
    results("result.jsonl")                       of solid_eval --results

The shared libraries are searched in `library` (a folder of an installation or a build: Model(path, library="build/release")), beside
this file, in the folders of an installation, in build/release of a clone, and as the system's loader does.
Calls are not thread-safe: one Users a thread. A failure raises Error with the library's text."""
import collections
import ctypes as c
import json
import os
import weakref

from solid_calls import (Error, _Bytes, _Event, _Scored, _Info, _Answer, _SlateAnswer, _Question, _load, _bytes, _list, _byte_list, _array,
                         _P)

Item = collections.namedtuple("Item", "id score title")
Result = collections.namedtuple("Result", "user item rank")
NO_ITEM = 0xFFFFFFFF


class _Owner:
    """Frees what it opened, the newest first."""

    def __init__(self):
        self._open = []

    def _new(self, make, free, *arguments):
        handle = _P()
        self._check(make(c.byref(handle), *arguments))
        self._open.append((free, handle))
        return handle

    def _check(self, status):
        if status:
            raise Error(status, self._solid.solid_last_error().decode(errors="replace"))

    def close(self):
        while self._open:
            free, handle = self._open.pop()
            free(handle)
            handle.value = None

    def _live(self, handle):
        if not handle:
            raise Error(-1, f"this {type(self).__name__} is closed")
        return handle

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        self.close()


class Model(_Owner):
    """A model file, on "cpu" or "cuda". threads = 0: as many as the machine has."""

    def __init__(self, path, device="cpu", threads=0, library=None):
        super().__init__()
        self._users = weakref.WeakSet()
        solid, self._store = _load(library)
        self._solid = solid
        options = self._solid.solid_context_options_default()
        options.threads, options.device = threads, device.encode()
        self._context = self._new(solid.solid_context_new, solid.solid_context_free, c.byref(options))
        self._model = self._new(solid.solid_model_load, solid.solid_model_free, self._context, os.fsencode(path))
        info = _Info(struct_size=c.sizeof(_Info))
        self._check(self._solid.solid_model_get_info(self.handle, c.byref(info)))
        self.info = {name: getattr(info, name) for name, _ in _Info._fields_ if name != "struct_size"}
        self.info["head"] = self._solid.solid_head_name(info.head).decode()
        self.items = [bytes(self._solid.solid_model_item_id(self.handle, i)).decode(errors="replace") for i in range(info.items)]
        self._neighbours = None

    @property
    def handle(self):
        return self._live(self._model)

    def close(self):
        """Closes its Users first: they stand on it."""
        for users in list(self._users):
            users.close()
        super().close()

    def index(self, item):
        """The row of an item in vectors, codes and items. KeyError: the model does not know it."""
        found = self._solid.solid_model_item_index(self.handle, _bytes(item, []))
        if found == NO_ITEM:
            raise KeyError(item)
        return found

    def __contains__(self, item):
        return self._solid.solid_model_item_index(self.handle, _bytes(item, [])) != NO_ITEM

    def title(self, item):
        """None where the model file has no title."""
        return bytes(self._solid.solid_model_item_title(self.handle, self.index(item))).decode(errors="replace") or None

    @property
    def categories(self):
        return [bytes(self._solid.solid_model_category_name(self.handle, i)).decode(errors="replace") for i in range(self.info["categories"])]

    @property
    def vectors(self):
        """(items, width) float32: the vectors that score. They are item embedding, codes and attributes summed."""
        values = (c.c_float * (self.info["items"] * self.info["width"]))()
        self._check(self._solid.solid_model_item_vectors(self.handle, values))
        return _array(values, (self.info["items"], self.info["width"]), "float32")

    @property
    def codes(self):
        """(items, levels) uint16: the semantic codes."""
        levels = self.info["levels"]
        values = (c.c_uint16 * (self.info["items"] * levels))()
        for i in range(self.info["items"] if levels else 0):
            values[i * levels:(i + 1) * levels] = self._solid.solid_model_item_codes(self.handle, i)[:levels]
        return _array(values, (self.info["items"], levels), "uint16")

    def user_vectors(self, histories, batch=256):
        """(len(histories), width) float32: the vector of each history (item ids, oldest first). Its product with `vectors` is the score."""
        d, made = self.info["width"], (c.c_float * (len(histories) * self.info["width"]))()
        best, worker = (_Scored * batch)(), _P()
        self._check(self._solid.solid_worker_new(c.byref(worker), self.handle, batch))
        try:
            for first in range(0, len(histories), batch):
                some = histories[first:first + batch]
                questions, windows = (_Question * len(some))(), []
                for i, history in enumerate(some):
                    windows.append((c.c_uint32 * max(len(history), 1))(*map(self.index, _list(history))))
                    row = c.cast(c.byref(made, 4 * d * (first + i)), c.POINTER(c.c_float))
                    questions[i] = _Question(window=windows[i], n_window=len(history), vector=row,
                                             best=c.cast(c.byref(best, i * c.sizeof(_Scored)), c.POINTER(_Scored)))
                self._check(self._solid.solid_worker_answer(worker, questions, len(some), 1))
        finally:
            self._solid.solid_worker_free(worker)
        return _array(made, (len(histories), d), "float32")

    def similar(self, item, k=10):
        """The k items with the most similar vectors (cosine)."""
        if self._neighbours is None:
            self._neighbours = self._new(self._solid.solid_neighbours_new, self._solid.solid_neighbours_free, self.handle)
        found, count = (_Scored * k)(), c.c_size_t()
        self._check(self._solid.solid_neighbours_of(self._neighbours, self.index(item), k, found, c.byref(count)))
        return self._named(found[:count.value])

    def _named(self, scored):
        titles = [bytes(self._solid.solid_model_item_title(self.handle, each.item)).decode(errors="replace") or None for each in scored]
        return [Item(self.items[each.item], each.score, title) for each, title in zip(scored, titles)]


class Users(_Owner):
    """Users in the memory of this process: events in, lists out."""

    def __init__(self, model):
        super().__init__()
        self.model, self._solid = model, model._solid
        solid = model._solid
        self._store = self._new(model._store.solid_store_open_memory, solid.solid_store_close, model.handle, None)
        self._pipeline = self._new(solid.solid_pipeline_new, solid.solid_pipeline_free, model.handle, self._store, None)
        self._recommender = self._new(solid.solid_recommender_new, solid.solid_recommender_free, model.handle, self._store, None)
        model._users.add(self)
        self.source = None  # what the last answer was made from

    def push(self, events, skip_unknown=False):
        """Events are (user, item), (user, item, time in ms) or (user, item, time, worth) with worth 0 = a step, 1 = a dislike. Returns how
        many were applied. KeyError: the model does not know an item, and nothing was applied; skip_unknown leaves such events out."""
        events = list(events)
        unknown = [item for _, item, *_ in events if item not in self.model]
        if unknown and not skip_unknown:
            raise KeyError(f"{len(unknown)} of {len(events)} events are of items that the model does not know, {unknown[0]!r} first; nothing was "
                           "applied: push(events, skip_unknown=True) leaves them out")
        rows, verdicts, keep = (_Event * max(len(events), 1))(), (c.c_int32 * max(len(events), 1))(), []
        for row, (user, item, *more) in zip(rows, events):
            row.user, row.item = _bytes(user, keep), _bytes(item, keep)
            if not 1 <= row.user.size <= 255:
                raise ValueError(f"the id of a user has 1 to 255 bytes, not {row.user.size}: {user!r}")
            row.time_ms, row.worth = more[0] if more else 0, more[1] if len(more) > 1 else 0
            if row.worth > 1:
                raise ValueError(f"the worth of an event is 0 or 1, not {more[1]}")
        self._check(self._solid.solid_pipeline_push(self._live(self._pipeline), rows, len(events), verdicts))
        return sum(verdict == 0 for verdict in verdicts[:len(events)])

    def _query(self, k, category, session, blocked, seen, keep):
        query = self._solid.solid_query_default()
        query.k, query.exclude_seen = k, int(not seen)
        if category is not None:
            query.category = _bytes(category, keep)
        query.session, query.n_session = _byte_list(session, keep), len(session)
        query.blocked, query.n_blocked = _byte_list(blocked, keep), len(blocked)
        return query

    def recommend(self, user=None, k=10, category=None, session=(), blocked=(), seen=False):
        """user None = an anonymous visitor, of whom `session` (item ids, oldest first) is all that is known."""
        keep, items, answer = [], (_Scored * k)(), _Answer(struct_size=c.sizeof(_Answer))
        query = self._query(k, category, session, blocked, seen, keep)
        who = _Bytes() if user is None else _bytes(user, keep)
        self._check(self._solid.solid_recommend(self._live(self._recommender), who, c.byref(query), items, c.byref(answer)))
        self._check(answer.status)
        self.source = self._solid.solid_source_name(answer.source).decode()
        return self.model._named(items[:answer.count])

    def slate(self, user=None, k=None, guide=0.9, temperature=0.0, seed=0, category=None, session=(), blocked=(), seen=False):
        """k items chosen together, in the order that the decoder was trained for (solid_train --slate K: at most, and by default, that K)."""
        k = self.model.info["slate_rows"] or 5 if k is None else k
        keep, items, answer = [], (_Scored * k)(), _SlateAnswer(struct_size=c.sizeof(_SlateAnswer))
        query, options = self._query(k, category, session, blocked, seen, keep), self._solid.solid_slate_options_default()
        options.guide, options.temperature, options.seed = guide, temperature, seed
        who = _Bytes() if user is None else _bytes(user, keep)
        self._check(self._solid.solid_slate(self._live(self._recommender), who, c.byref(query), c.byref(options), items, c.byref(answer)))
        self._check(answer.status)
        self.source = self._solid.solid_source_name(answer.source).decode()
        return self.model._named(items[:answer.count])


def results(path, ranking="model"):
    """Each user's result of an evaluation (solid_eval --results): rank = items before the target, None beyond what was looked at."""
    with open(path, encoding="utf-8") as file:
        return [Result(line["user"], line["item"], line[ranking]) for line in map(json.loads, file)]
