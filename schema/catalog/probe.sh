# Asks an image for the flags and options of its TensorRT-LLM. There is no GPU: the
# driver's library comes from the image.
export LD_LIBRARY_PATH="/usr/local/cuda/compat/lib:/usr/local/cuda/compat:${LD_LIBRARY_PATH:-}" COLUMNS=200 TRTLLM_NO_USAGE_STATS=1
echo "== version"
python3 -c 'import importlib.metadata as m; print(m.version("tensorrt_llm"))' || exit
echo "== trtllm-bench --help"
trtllm-bench --help || exit
echo "== trtllm-bench throughput --help"
trtllm-bench --model x throughput --help || exit
python3 - <<'PROGRAM' || exit
import enum, json, typing
from pydantic import BaseModel
from tensorrt_llm.llmapi.llm_args import TorchLlmArgs

def arms(t):
    if typing.get_origin(t) is typing.Annotated:
        return arms(typing.get_args(t)[0])
    if typing.get_origin(t) is typing.Union or type(t).__name__ == "UnionType":
        return [a for u in typing.get_args(t) for a in arms(u) if a is not type(None)]
    return [t]

def kind(t):
    names = {bool: "bool", int: "int", float: "float", str: "string"}
    if t in names:
        return names[t], []
    if isinstance(t, type) and issubclass(t, enum.Enum):
        return "string", [m.value if isinstance(m.value, str) else m.name for m in t]
    if typing.get_origin(t) is typing.Literal:
        values = [v for v in typing.get_args(t) if v is not None]
        return ("string", values) if all(isinstance(v, str) for v in values) else ("any", [])
    if typing.get_origin(t) in (list, typing.List):
        element, _ = kind(arms(typing.get_args(t)[0])[0])
        return (f"list({element})", []) if element in ("int", "string") else ("any", [])
    return "any", []

found = []
def walk(model, below):
    for name, field in model.model_fields.items():
        all = arms(field.annotation)
        if len(all) == 1 and isinstance(all[0], type) and issubclass(all[0], BaseModel):
            found.append({"path": below + name, "type": "object"})
            walk(all[0], below + name + ".")
            continue
        k, values = kind(all[0]) if len(all) == 1 else ("any", [])
        found.append({"path": below + name, "type": k, "values": values})

walk(TorchLlmArgs, "")
print("== options")
print(json.dumps(found))
PROGRAM
echo "== end"
