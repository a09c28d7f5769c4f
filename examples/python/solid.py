"""solid from Python: one file, ctypes, no dependency; arrays are numpy's where numpy is installed, else lists.

    model = Model("model.safetensors")            device="cuda", threads=8
    users = Users(model)                          in this process's memory
    users.push([("anna", "item-3"), ("anna", "item-7")])
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
import ctypes.util
import json
import numbers
import os
import weakref

try:
    import numpy
except ImportError:
    numpy = None

Item = collections.namedtuple("Item", "id score title")
Result = collections.namedtuple("Result", "user item rank")
NO_ITEM = 0xFFFFFFFF


class Error(Exception):
    """A status of the library: .status is its number, the text says what is wrong."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


# ---- The structs of solid/*.h, field by field ----

class _Bytes(c.Structure):
    _fields_ = [("data", c.c_void_p), ("size", c.c_size_t)]

    def __bytes__(self):
        return c.string_at(self.data, self.size) if self.data else b""


class _Event(c.Structure):
    _fields_ = [("user", _Bytes), ("item", _Bytes), ("kind", _Bytes), ("time_ms", c.c_int64), ("stream", c.c_uint64), ("offset", c.c_uint64),
                ("worth", c.c_uint32), ("taken_ms", c.c_int64)]


class _Scored(c.Structure):
    _fields_ = [("item", c.c_uint32), ("score", c.c_float)]


class _Context(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("threads", c.c_int32), ("device", c.c_char_p), ("log", c.c_void_p), ("log_user", c.c_void_p),
                ("precision", c.c_uint32), ("reserved", c.c_uint32), ("approximate", c.c_uint32)]


class _Info(c.Structure):
    _fields_ = [(name, c.c_uint32) for name in ("struct_size", "width", "window", "blocks", "heads", "levels", "codes", "items", "categories",
                                                "rank", "params", "head")] + [("generation", c.c_uint64)] + \
               [(name, c.c_uint32) for name in ("attributes", "slots", "slate_rows", "slate_near")]


class _Query(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("k", c.c_uint32), ("exclude_seen", c.c_int32), ("blocked", c.POINTER(_Bytes)),
                ("n_blocked", c.c_size_t), ("category", _Bytes), ("session", c.POINTER(_Bytes)), ("n_session", c.c_size_t),
                ("only_allowed", c.c_int32), ("allowed", c.POINTER(_Bytes)), ("n_allowed", c.c_size_t)]


class _Answer(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("source", c.c_uint32), ("params_seq", c.c_uint64), ("window_seq", c.c_uint64),
                ("count", c.c_size_t), ("status", c.c_int32)]


class _SlateOptions(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("order", c.c_uint32), ("window", c.c_uint32), ("guide", c.c_float), ("temperature", c.c_float),
                ("top_p", c.c_float), ("seed", c.c_uint64)]


class _SlateAnswer(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("source", c.c_uint32), ("params_seq", c.c_uint64), ("window_seq", c.c_uint64),
                ("count", c.c_size_t), ("order", c.c_uint32), ("window", c.c_uint32), ("forwards", c.c_uint32), ("log_likelihood", c.c_double),
                ("status", c.c_int32)]


class _Question(c.Structure):
    _fields_ = [("window", c.POINTER(c.c_uint32)), ("n_window", c.c_size_t), ("session", c.c_void_p), ("n_session", c.c_size_t),
                ("h", c.c_void_p), ("params", c.c_void_p), ("keep", c.c_int32), ("excluded", c.c_void_p), ("best", c.POINTER(_Scored)),
                ("state", c.c_void_p), ("vector", c.POINTER(c.c_float)), ("count", c.c_size_t), ("made_h", c.c_void_p),
                ("made_params", c.c_void_p)]


# ---- The libraries ----

_P, _libraries = c.c_void_p, {}


def _find(name, folder):
    here = os.path.dirname(os.path.abspath(__file__))
    folders = [os.fspath(folder)] if folder else [here, *(os.path.normpath(os.path.join(here, "..", "..", each)) for each in ("lib", "build/release")),
                                        "/usr/local/lib"]
    for each in folders:  # in a build folder each library has a folder of its own
        for path in (os.path.join(each, name), os.path.join(each, {"libsolid.so": "solid", "libsolid_store.so": "store"}[name], name)):
            if os.path.exists(path):
                return path
    found = ctypes.util.find_library(name[3:-3])
    if not found:
        raise Error(-1, f"{name} is in none of {', '.join(folders)}, nor where the system's loader looks: "
                        "name its folder, as Model(path, library=FOLDER)")
    return found


def _load(folder):
    if folder in _libraries:
        return _libraries[folder]
    solid, store = (c.CDLL(_find(name, folder), mode=c.RTLD_GLOBAL) for name in ("libsolid.so", "libsolid_store.so"))
    for library, name, result, *arguments in [
            (solid, "solid_last_error", c.c_char_p), (solid, "solid_source_name", c.c_char_p, c.c_uint32),
            (solid, "solid_head_name", c.c_char_p, c.c_uint32),
            (solid, "solid_context_options_default", _Context), (solid, "solid_query_default", _Query),
            (solid, "solid_slate_options_default", _SlateOptions),
            (solid, "solid_context_new", c.c_int, _P, _P), (solid, "solid_context_free", None, _P),
            (solid, "solid_model_load", c.c_int, _P, _P, c.c_char_p), (solid, "solid_model_free", None, _P),
            (solid, "solid_model_get_info", c.c_int, _P, _P), (solid, "solid_model_item_index", c.c_uint32, _P, _Bytes),
            (solid, "solid_model_item_id", _Bytes, _P, c.c_uint32), (solid, "solid_model_item_title", _Bytes, _P, c.c_uint32),
            (solid, "solid_model_item_codes", c.POINTER(c.c_uint16), _P, c.c_uint32), (solid, "solid_model_item_vectors", c.c_int, _P, _P),
            (solid, "solid_model_category_name", _Bytes, _P, c.c_uint32),
            (solid, "solid_neighbours_new", c.c_int, _P, _P), (solid, "solid_neighbours_free", None, _P),
            (solid, "solid_neighbours_of", c.c_int, _P, c.c_uint32, c.c_size_t, _P, _P),
            (solid, "solid_worker_new", c.c_int, _P, _P, c.c_size_t), (solid, "solid_worker_free", None, _P),
            (solid, "solid_worker_answer", c.c_int, _P, _P, c.c_size_t, c.c_size_t),
            (solid, "solid_pipeline_new", c.c_int, _P, _P, _P, _P), (solid, "solid_pipeline_free", None, _P),
            (solid, "solid_pipeline_push", c.c_int, _P, _P, c.c_size_t, _P),
            (solid, "solid_recommender_new", c.c_int, _P, _P, _P, _P), (solid, "solid_recommender_free", None, _P),
            (solid, "solid_recommend", c.c_int, _P, _Bytes, _P, _P, _P), (solid, "solid_slate", c.c_int, _P, _Bytes, _P, _P, _P, _P),
            (solid, "solid_store_close", None, _P), (store, "solid_store_open_memory", c.c_int, _P, _P, _P)]:
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    _libraries[folder] = solid, store
    return solid, store


def _bytes(text, keep):
    """`keep` holds the memory until the call is over. An id is text, bytes or a whole number."""
    if isinstance(text, bool) or not isinstance(text, (str, bytes, numbers.Integral)):
        raise TypeError(f"an id is text, bytes or a whole number, not {text!r}")
    raw = text if isinstance(text, bytes) else str(text).encode()
    keep.append(raw)
    return _Bytes(c.cast(c.c_char_p(raw), _P), len(raw))


def _list(items):
    """A single text would be taken apart into its letters, each an item."""
    if isinstance(items, (str, bytes)):
        raise TypeError(f"want a list of ids, not the text {items!r}")
    return items


def _byte_list(texts, keep):
    texts = _list(texts)
    array = (_Bytes * max(len(texts), 1))(*(_bytes(each, keep) for each in texts))
    keep.append(array)
    return array


def _array(values, shape, dtype):
    if numpy is not None:
        return numpy.frombuffer(values, dtype=dtype).reshape(shape).copy()
    rows, columns = shape
    return [list(values[row * columns:(row + 1) * columns]) for row in range(rows)]


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

    def push(self, events):
        """Events are (user, item), (user, item, time in ms) or (user, item, time, worth) with worth 0 = a step, 1 = a dislike. Returns how
        many were applied: events of items that the model does not know are left out."""
        events = list(events)
        rows, verdicts, keep = (_Event * max(len(events), 1))(), (c.c_int32 * max(len(events), 1))(), []
        for row, (user, item, *more) in zip(rows, events):
            row.user, row.item = _bytes(user, keep), _bytes(item, keep)
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
