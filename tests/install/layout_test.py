"""bind.py's structs against the headers (the same fields in the same order) and the C compiler (sizes and offsets).
  layout_test.py ROOT CC"""
import ctypes
import os
import re
import subprocess
import sys
import tempfile

import bind

# The store's port (solid/store.h) is for implementations in C.
PORT = {"solid_store_ops", "solid_store", "solid_append", "solid_window", "solid_params", "solid_store_epoch", "solid_state", "solid_state_stamp",
        "solid_state_part", "solid_state_put"}


def headers(root):
    for folder in ("solid", "store"):
        for name in sorted(os.listdir(os.path.join(root, folder))):
            if name.endswith(".h"):
                yield folder + "/" + name


def declared(root):
    """name -> fields of every struct with a body"""
    found = {}
    for header in headers(root):
        with open(os.path.join(root, header), encoding="utf-8") as file:
            source = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
        for name, body in re.findall(r"typedef struct (\w+) \{(.*?)\n\} \w+;", source, flags=re.S):
            fields = []
            for line in filter(str.strip, body.split(";")):
                function = re.search(r"\(\*(\w+)\)", line)
                fields += [function[1]] if function else [re.search(r"(\w+)(\[\w+\])?\s*$", part)[1] for part in line.split(",")]
            found[name] = fields
    return found


def measured(root, compiler, structs):
    """name, or name.field -> (offset, size), as the compiler has them"""
    lines = ["#include <stddef.h>", "#include <stdio.h>", *(f'#include "{header}"' for header in headers(root)), "int main(void) {"]
    for each in structs:
        lines.append(f'  printf("{each.__name__} 0 %zu\\n", sizeof({each.__name__}));')
        for field, *_ in each._fields_:
            lines.append(f'  printf("{each.__name__}.{field} %zu %zu\\n", offsetof({each.__name__}, {field}), sizeof((({each.__name__} *)0)->{field}));')
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "layout")
        source = "\n".join(lines + ["  return 0;", "}"])
        subprocess.run([compiler, "-std=c11", "-x", "c", "-I", root, "-", "-o", program], input=source, text=True, check=True)
        out = subprocess.run([program], stdout=subprocess.PIPE, text=True, check=True).stdout
    return {name: (int(offset), int(size)) for name, offset, size in (line.split() for line in out.splitlines())}


def main():
    root, compiler = sys.argv[1:]
    in_headers, faults = declared(root), []
    bound = {each.__name__: each for each in bind.STRUCTS}
    faults += [f"{name} is in the headers and not in bind.py" for name in sorted(set(in_headers) - set(bound) - PORT)]
    faults += [f"{name} is in bind.py and not in the headers" for name in sorted(set(bound) - set(in_headers))]
    for name, each in bound.items():
        mine = [field for field, *_ in each._fields_]
        if name in in_headers and mine != in_headers[name]:
            faults.append(f"{name} has {in_headers[name]}, bind.py {mine}")
    if not faults:
        for name, (offset, size) in measured(root, compiler, bind.STRUCTS).items():
            struct, _, field = name.partition(".")
            seen = getattr(bound[struct], field) if field else None
            here = (seen.offset, seen.size) if field else (0, ctypes.sizeof(bound[struct]))
            if here != (offset, size):
                faults.append(f"{name}: offset and size {(offset, size)} in C, {here} in ctypes")
    for fault in faults:
        print("layout:", fault)
    print(f"layout: {len(bound)} structs, {sum(len(each._fields_) for each in bind.STRUCTS)} fields")
    return 1 if faults else 0


sys.exit(main())
