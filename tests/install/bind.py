"""Structs and functions of libsolid as a caller without a C compiler binds them: with ctypes, from the headers' text alone.
store_test.py uses it as a program would; layout_test.py compares it with the C compiler."""
import ctypes as c

u8, u16, u32, u64, i32, i64 = c.c_uint8, c.c_uint16, c.c_uint32, c.c_uint64, c.c_int32, c.c_int64
size, f32, f64, text, pointer = c.c_size_t, c.c_float, c.c_double, c.c_char_p, c.c_void_p


def struct(name, *fields):
    return type(name, (c.Structure,), {"_fields_": list(fields)})


def columns(type_, *names):
    return [(name, type_) for name in names]


def callback(name):  # a pointer to a function: NULL unless a caller makes one
    return (name, pointer)


bytes_ = struct("solid_bytes", ("data", pointer), ("size", size))  # not zero-terminated: no c_char_p
position = struct("solid_position", ("stream", u64), ("offset", u64))
event = struct("solid_event", ("user", bytes_), ("item", bytes_), ("kind", bytes_), ("time_ms", i64), ("position", position), ("worth", u32), ("taken_ms", i64))
step = struct("solid_step", ("item", u64), ("time_ms", i64))
scored = struct("solid_scored", ("item", u32), ("score", f32))
context_options = struct("solid_context_options", ("struct_size", u32), ("threads", i32), ("device", text), callback("log"),
                         ("log_user", pointer), ("precision", u32), ("reserved", u32), ("approximate", u32))
model_info = struct("solid_model_info", *columns(u32, "struct_size", "width", "window", "blocks", "heads", "levels", "codes", "items",
                    "categories", "rank", "params", "head"), ("generation", u64), ("attributes", u32),
                    ("slots", u32), ("slate_rows", u32), ("slate_near", u32), ("rows", u32))
model_options = struct("solid_model_options", ("struct_size", u32), ("spare_items", i32))
title = struct("solid_title", ("item", bytes_), ("title", bytes_))
level = struct("solid_codebook_level", ("used", u32), ("perplexity", f64))
codebook_info = struct("solid_codebook_info", *columns(u32, "struct_size", "levels", "codes", "content", "collisions"), ("level", level * 8))
generate = struct("solid_generate", ("mode", u32), ("every", u64))
pipeline_options = struct("solid_pipeline_options", ("struct_size", u32), ("max_batch", u32), ("element", u32), ("generate", generate),
                          ("state_cache", u64), ("items", pointer))
state_stats = struct("solid_state_stats", *columns(u64, "cached", "read", "made", "refused", "unsaved"))
pipeline_stats = struct("solid_pipeline_stats", ("struct_size", u32),
                        *columns(u64, "events", "applied", "duplicates", "unknown_items", "invalid", "generated", "set_aside", "advances", "puts"),
                        *columns(i64, "advance_ns", "put_ns", "generate_ns"), *columns(u64, "forgotten"), ("states", state_stats))
query = struct("solid_query", ("struct_size", u32), ("k", u32), ("exclude_seen", i32), ("blocked", c.POINTER(bytes_)), ("n_blocked", size),
               ("category", bytes_), ("session", c.POINTER(bytes_)), ("n_session", size), ("only_allowed", i32),
               ("allowed", c.POINTER(bytes_)), ("n_allowed", size))
answer = struct("solid_answer", ("struct_size", u32), ("source", u32), ("params_seq", u64), ("window_seq", u64), ("count", size),
                ("status", i32), ("seen_since", u64))
recommender_stats = struct("solid_recommender_stats", ("struct_size", u32), ("answers", u64 * 5), ("unsaved", u64), ("set_aside", u64), ("states", state_stats))
recommender_options = struct("solid_recommender_options", ("struct_size", u32), ("max_batch", u32), ("element", u32),
                             ("refresh_events", u64), ("refresh_ms", i64), ("items", pointer))
slate_options = struct("solid_slate_options", ("struct_size", u32), ("order", u32), ("window", u32), ("guide", f32), ("temperature", f32),
                       ("top_p", f32), ("seed", u64))
slate_answer = struct("solid_slate_answer", ("struct_size", u32), ("source", u32), ("params_seq", u64), ("window_seq", u64), ("count", size),
                      ("order", u32), ("window", u32), ("forwards", u32), ("log_likelihood", f64), ("status", i32))
live = struct("solid_live", ("version", u64), ("current", u64), ("previous", u64), ("share", u32))
seat = struct("solid_seat", *columns(pointer, "model", "recommender", "pipeline", "neighbours"), ("generation", u64))
slot_options = struct("solid_slot_options", ("struct_size", u32), ("seats", u32), ("stores", c.POINTER(pointer)),
                      ("recommender", c.POINTER(recommender_options)), ("pipeline", c.POINTER(pipeline_options)), ("neighbours", i32), ("items", pointer))
windows = struct("solid_windows", ("n", size), ("offsets", c.POINTER(u32)), ("items", c.POINTER(u32)))
question = struct("solid_question", ("window", c.POINTER(u32)), ("n_window", size), ("session", c.POINTER(u32)), ("n_session", size),
                  ("h", c.POINTER(f32)), ("params", c.POINTER(f32)), ("keep", i32), ("excluded", c.POINTER(u64)),
                  ("best", c.POINTER(scored)), ("state", c.POINTER(f32)), ("vector", c.POINTER(f32)), ("count", size), ("made_h", c.POINTER(f32)), ("made_params", c.POINTER(f32)))
memory_store_options = struct("solid_memory_store_options", ("struct_size", u32), ("window", u32), ("ttl_ms", i64), ("max_bytes", u64),
                              callback("clock"), ("clock_user", pointer), ("history", u32), ("items_path", text), callback("log"), ("log_user", pointer))
item_entry = struct("solid_item_entry", ("kind", u32), ("id", bytes_), ("title", bytes_), ("attributes", c.POINTER(bytes_)), ("n_attributes", size),
                    ("vector", c.POINTER(f32)), ("width", size), ("time_ms", i64))
items_version = struct("solid_items_version", ("log", u8 * 16), ("count", u64))
item_log_info = struct("solid_item_log_info", ("struct_size", u32), ("version", items_version), *columns(u64, "items", "hidden", "removed", "unreadable"))
redis_store_options = struct(
    "solid_redis_store_options", ("struct_size", u32), ("window", u32), *columns(text, "host", "unix_path", "username", "password", "prefix"),
    ("port", u32), ("database", u32), ("ttl_ms", i64),
    *columns(u32, "jitter_percent", "connect_timeout_ms", "timeout_ms", "backoff_min_ms", "backoff_max_ms"), callback("log"),
    ("log_user", pointer), ("readonly_ms", u32), ("look_ms", u32), ("may_be_away", i32), ("replicas", i32), ("settle_ms", u32),
    *columns(text, "address", "tls_ca", "tls_cert", "tls_key", "tls_name", "sentinel_username", "sentinel_password"), ("history", u32))
redis_store_stats = struct("solid_redis_store_stats", ("struct_size", u32), *columns(u64, "connections", "round_trips", "damaged", "stale", "set_aside", "renewed", "evicted", "dropped"))
plan_sizes = struct("solid_plan_sizes", *columns(u32, "window", "width", "params", "element", "id_bytes", "prefix_bytes", "partitions", "history", "taken", "state_bytes", "state_parts"))
plan_traffic = struct("solid_plan_traffic", *columns(size, "event_in", "event_out", "answer_in", "answer_out"), *columns(u32, "event_trips", "answer_trips"))
plan = struct("solid_plan", *columns(size, "window", "record", "redis", "memory", "pages", "seen", "state"))

STRUCTS = [value for value in list(globals().values()) if isinstance(value, type) and issubclass(value, c.Structure) and value._fields_]


def load(solid_so, store_so):
    """Both libraries with the result types that are no int."""
    solid, stores = c.CDLL(solid_so, mode=c.RTLD_GLOBAL), c.CDLL(store_so)
    for library, name, result in [
            (solid, "solid_last_error", text), (solid, "solid_source_name", text), (solid, "solid_model_item_id", bytes_),
            (solid, "solid_query_default", query), (solid, "solid_context_options_default", context_options),
            (solid, "solid_pipeline_options_default", pipeline_options),
            (solid, "solid_recommender_options_default", recommender_options), (solid, "solid_slot_options_default", slot_options),
            (stores, "solid_memory_store_options_default", memory_store_options)]:
        getattr(library, name).restype = result
    for name in ("solid_recommender_free", "solid_pipeline_free", "solid_model_free", "solid_context_free", "solid_store_close"):
        getattr(solid, name).argtypes, getattr(solid, name).restype = [pointer], None
    return solid, stores
