# From a csv file to recommendations.   PATH=bin folder:$PATH python3 notebook.py ratings.csv [items.csv]
import subprocess
import sys

from solid import Model, Users, results

if len(sys.argv) < 2:
    sys.exit("usage: python3 notebook.py ratings.csv [items.csv]")
data = ["--data", sys.argv[1]]
about = ["--attributes", sys.argv[2]] if len(sys.argv) > 2 else []

# train, and see how good it is
subprocess.run(["solid_train", *data, *about, "--epochs", "3", "--out", "model.safetensors"], check=True)
subprocess.run(["solid_eval", *data, "--model", "model.safetensors", "--results", "results.jsonl"], check=True)
hits = [result.user for result in results("results.jsonl") if result.rank is not None and result.rank < 10]
print(len(hits), "users find their next item among the first ten, say", hits[:3])

# ask
model = Model("model.safetensors")
users = Users(model)
users.push(("anna", item) for item in model.items[:3])
for item in users.recommend("anna", k=5):
    print(f"{item.score:8.3f}  {item.id}  {item.title or ''}   like", [like.id for like in model.similar(item.id, 2)])
