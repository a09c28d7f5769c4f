"""What solid.py calls, which lies beside it: the structs of solid/*.h field by field, the libraries, and ids as the library takes them."""
import ctypes as c
import ctypes.util
import numbers
import os

try:
    import numpy
except ImportError:
    numpy = None


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
