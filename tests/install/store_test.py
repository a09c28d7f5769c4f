"""Three events in, five items out, from Python's ctypes on the shared libraries; the items are those that the C program prints.
  store_test.py LIBSOLID LIBSOLID_STORE QUICKSTART MODEL"""
import ctypes as c
import subprocess
import sys

import bind


def bytes_of(text):  # borrows: only of literals
    return bind.bytes_(c.cast(text, bind.pointer), len(text))


def main():
    solid_so, store_so, quickstart, path = sys.argv[1:]
    solid, stores = bind.load(solid_so, store_so)

    def check(status):
        if status:
            raise SystemExit(f"bind: status {status}: {solid.solid_last_error().decode()}")

    ctx, model, store, pipeline, rec = (c.c_void_p() for _ in range(5))
    options = solid.solid_context_options_default()
    assert (options.struct_size, options.threads, options.precision) == (c.sizeof(options), 1, 0)
    check(solid.solid_context_new(c.byref(ctx), c.byref(options)))
    check(solid.solid_model_load(c.byref(model), ctx, path.encode()))
    info = bind.model_info(struct_size=c.sizeof(bind.model_info))
    check(solid.solid_model_get_info(model, c.byref(info)))
    keep = stores.solid_memory_store_options_default()
    check(stores.solid_store_open_memory(c.byref(store), model, c.byref(keep)))
    writes = solid.solid_pipeline_options_default()
    check(solid.solid_pipeline_new(c.byref(pipeline), model, store, c.byref(writes)))
    asks = solid.solid_recommender_options_default()
    check(solid.solid_recommender_new(c.byref(rec), model, store, c.byref(asks)))

    events = (bind.event * 3)()
    for i, event in enumerate(events):
        event.user, event.item = bytes_of(b"anna"), solid.solid_model_item_id(model, i)
    verdicts = (bind.i32 * 3)(9, 9, 9)
    check(solid.solid_pipeline_push(pipeline, events, bind.size(3), verdicts))
    assert list(verdicts) == [0, 0, 0]
    counted = bind.pipeline_stats(struct_size=c.sizeof(bind.pipeline_stats))
    check(solid.solid_pipeline_get_stats(pipeline, c.byref(counted)))
    assert (counted.events, counted.applied, counted.unknown_items) == (3, 3, 0)

    query, answer = solid.solid_query_default(), bind.answer(struct_size=c.sizeof(bind.answer))
    assert (query.struct_size, query.k, query.exclude_seen) == (c.sizeof(query), 10, 1)
    query.k = 5
    items = (bind.scored * 5)()
    solid.solid_recommend.argtypes = [bind.pointer, bind.bytes_, bind.pointer, bind.pointer, bind.pointer]
    check(solid.solid_recommend(rec, bytes_of(b"anna"), c.byref(query), items, c.byref(answer)))
    assert (answer.count, answer.status, answer.window_seq) == (5, 0, 3)
    assert solid.solid_source_name(answer.source) == b"cache" and info.items > 5

    ids = [solid.solid_model_item_id(model, each.item) for each in items]
    lines = [f"{c.string_at(id_.data, id_.size).decode()}  {each.score:.3f}" for id_, each in zip(ids, items)]
    printed = subprocess.run([quickstart, path], stdout=subprocess.PIPE, text=True, check=True).stdout.split("\n")[:-1]
    assert lines == printed, f"ctypes {lines}, C {printed}"
    for free, handle in ((solid.solid_recommender_free, rec), (solid.solid_pipeline_free, pipeline), (solid.solid_store_close, store),
                         (solid.solid_model_free, model), (solid.solid_context_free, ctx)):
        free(handle)
    print("bind: three events in, five items out; the same as in C")


main()
