"""Runs command lines of trtllm-bench throughput one after another on one engine.

engine.py FILE follows FILE, whose lines are "ROLE LIMIT FOLDER", and runs the
NUL-terminated words of FOLDER/argv for each, for at most LIMIT seconds. ROLE is
prime (discarded), measure, or again (the first one measured once more). The line
"end" ends the engine. engine.py probe only tells what the installed TensorRT-LLM is.

trtllm-bench's own command measures and reports. All that is replaced is the name of
the class that it makes its engine of. Standard library only, Python 3.8 or later.
"""
import ast
import copy
import dataclasses
import enum
import gc
import hashlib
import importlib
import inspect
import json
import os
import platform
import signal
import subprocess
import sys
import threading
import time
import traceback

NAME = "PyTorchLLM"
THROUGHPUT = "tensorrt_llm.bench.benchmark.throughput"
PLACES = (THROUGHPUT, "tensorrt_llm.bench.benchmark")
RELATIVE = ("--dataset", "--report_json", "--request_json", "--extra_llm_api_options")
VERDICT, ENGINE, REPORT = "member.json", "engine.json", "report.json"
SHUTDOWN_S = 60


class Refused(Exception):
    """The engine cannot be shared; the text says why."""


# What makes two values equal


def canonical(value, name, inside=()):
    """A form of value that equal values have in common. Raises Refused for what has none."""
    if value is None or type(value) in (bool, int, float, str, bytes):
        return [type(value).__name__, repr(value)]
    if id(value) in inside:
        raise Refused(f"{name} holds itself and cannot be compared")
    inside = (*inside, id(value))
    kind = f"{type(value).__module__}.{type(value).__qualname__}"

    def items(pairs):
        return sorted(([canonical(k, name, inside), canonical(v, f"{name}.{k}", inside)] for k, v in pairs), key=repr)

    if isinstance(value, enum.Enum):
        return [kind, value.name]
    if isinstance(value, os.PathLike):
        return ["path", os.path.realpath(os.fspath(value))]
    if isinstance(value, type):
        return ["type", f"{value.__module__}.{value.__qualname__}"]
    if type(value) is dict:
        return [kind, items(value.items())]
    if type(value) in (list, tuple):
        return [kind, [canonical(v, f"{name}.{i}", inside) for i, v in enumerate(value)]]
    if type(value) in (set, frozenset):
        return [kind, sorted((canonical(v, name, inside) for v in value), key=repr)]
    if hasattr(type(value), "model_fields"):  # pydantic
        parts = [getattr(value, a, None) or {} for a in ("__dict__", "__pydantic_private__", "__pydantic_extra__")]
        return [kind, [items(p.items()) for p in parts]]
    if dataclasses.is_dataclass(value):
        return [kind, items((f.name, getattr(value, f.name)) for f in dataclasses.fields(value))]
    if callable(value):
        raise Refused(f"{name} is a function ({kind}) and cannot be compared")
    try:
        made = value.__reduce_ex__(2)
    except Exception as e:
        raise Refused(f"{name} ({kind}) cannot be compared: {e}") from e
    if isinstance(made, str):
        return [kind, made]
    how, what, state, *rest = (*made, None, None, None)[:5]
    return [kind, getattr(how, "__qualname__", kind), [canonical(v, name, inside) for v in what if not isinstance(v, type)],
            canonical(state, name, inside), [canonical(list(r), name, inside) for r in rest if r is not None]]


def take_over(theirs, ours):
    """Gives an argument of a later member the state that the engine has given the first
    member's: trtllm-bench's report reads it there."""
    if theirs is ours or type(theirs) is not type(ours):
        return
    if isinstance(theirs, dict):
        theirs.clear()
        theirs.update(copy.copy(ours))
    elif isinstance(theirs, list):
        theirs[:] = ours
    elif hasattr(theirs, "__dict__") and not isinstance(theirs, (type, enum.Enum)):
        theirs.__dict__.clear()
        theirs.__dict__.update(ours.__dict__)
        for slot in ("__pydantic_private__", "__pydantic_extra__", "__pydantic_fields_set__"):
            if hasattr(ours, slot):
                object.__setattr__(theirs, slot, getattr(ours, slot))


# What TensorRT-LLM must be for this to work


class Internals:
    """The names of TensorRT-LLM that this depends on. Raises Refused where one is not as
    it must be."""

    def __init__(self):
        try:
            modules = [importlib.import_module(p) for p in PLACES]
            bench = importlib.import_module("tensorrt_llm.commands.bench")
        except Exception as e:
            raise Refused(f"trtllm-bench cannot be imported: {type(e).__name__}: {e}") from e
        self.main = getattr(bench, "main", None)
        if not callable(self.main):
            raise Refused("tensorrt_llm.commands.bench has no command main")
        holders = [m for m in modules if hasattr(m, NAME)]
        if len(holders) != 1:
            raise Refused(f"{NAME} must be in one of {' and '.join(PLACES)}, and is in {'both' if holders else 'none'}")
        self.holder = holders[0]
        command = getattr(modules[0], "throughput_command", None)
        if not callable(getattr(command, "callback", None)):
            raise Refused(f"{THROUGHPUT} has no click command throughput_command")
        if not shuts_down(inspect.getsource(modules[0])):
            raise Refused("throughput_command does not end its engine by llm.shutdown() in finally")
        files = [m.__file__ for m in modules]
        for extra in ("tensorrt_llm.bench.benchmark.utils.asynchronous", "tensorrt_llm.executor.proxy"):
            module = sys.modules.get(extra)
            if module is not None and getattr(module, "__file__", None):
                files.append(module.__file__)
        root = os.path.dirname(sys.modules["tensorrt_llm"].__file__)
        self.modules = {os.path.relpath(f, root): sha256(f) for f in files}


def shuts_down(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and node.name == "throughput_command":
            ends = [n for t in ast.walk(node) if isinstance(t, ast.Try) for s in t.finalbody for n in ast.walk(s)]
            return any(isinstance(n, ast.Attribute) and n.attr == "shutdown" and isinstance(n.value, ast.Name) and n.value.id == "llm" for n in ends)
    return False


def sha256(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def option(config, key):
    return config.get(key) if isinstance(config, dict) else getattr(config, key, None)


def check_arguments(arguments):
    """Refuses what makes a member depend on the one before it."""
    if option(arguments, "enable_iter_perf_stats"):
        raise Refused("enable_iter_perf_stats collects statistics that nobody reads between members")
    cache = option(arguments, "kv_cache_config")
    reuse = None if cache is None else option(cache, "enable_block_reuse")
    if reuse is not False:
        raise Refused("KV blocks are reused (kv_cache_config.enable_block_reuse must be false): a member would find the prompts of the one before it")


def unclean(llm):
    """Why the engine cannot serve another member, "" where it can."""
    executor = llm._executor
    for _ in range(20):
        if not executor._results:
            break
        time.sleep(0.1)
    dispatcher = getattr(executor, "dispatch_result_thread", None)
    if executor.is_shutdown():
        return "the engine has shut down"
    if executor._results:
        return f"{len(executor._results)} requests are still in the engine"
    if not executor._error_queue.empty():
        return "an error of the engine was not read"
    if dispatcher is not None and not dispatcher.is_alive():
        return "the thread that hands out answers has ended"
    return ""


# The engine and its members


class Engine:
    """One engine, and the members that run on it one after another."""

    def __init__(self):
        self.id = os.environ.get("LLMBENCH_ENGINE_ID", "")
        self.llm = self.form = self.kept = self.shutdown = None
        self.starts = self.position = 0
        self.load_s = None
        self.members = []  # the folders of those that ran
        self.first = self.again = None  # their figures
        self.ended = ""  # why it runs no more
        self.now = None  # the record of the member that runs
        self.lock = threading.Lock()
        self.refused = ""  # why no member can run
        self.internals = None
        # The step's own output: what the engine writes and where members begin and end.
        self.out, self.err = os.dup(1), os.dup(2)

    def prepare(self):
        """Puts make in the place of the class that engines are made of."""
        try:
            self.internals = Internals()
            self.real = getattr(self.internals.holder, NAME)
            setattr(self.internals.holder, NAME, self.make)
        except Refused as e:
            self.refused = str(e)

    def make(self, *args, **kwargs):
        """Stands for the class that it replaces."""
        self.now["calls"] += 1
        try:
            return self.hand_out(args, kwargs)
        except Refused as e:
            self.now["refused"] = str(e)
            raise

    def hand_out(self, args, kwargs):
        if args:
            raise Refused("the engine got arguments without a name")
        if self.now["calls"] > 1:
            raise Refused("a member made a second engine")
        self.now["setup_s"] = time.monotonic() - self.now["began"]
        form = {name: canonical(value, name) for name, value in kwargs.items()}
        if self.starts:
            self.compare(form)
            if self.llm is None or unclean(self.llm):
                raise Refused("the engine is not there any more")
            for name, value in kwargs.items():
                take_over(value, self.kept[name])
        else:
            check_arguments(kwargs)
            self.start(form, kwargs)
        self.now["touched"] = True
        return self.llm

    def compare(self, form):
        differ = sorted(n for n in {*form, *self.form} if form.get(n) != self.form.get(n))
        if differ:
            raise Refused("the engine's arguments differ: " + ", ".join(differ))

    def start(self, form, kwargs):
        self.now["touched"] = True
        self.starts += 1
        began = time.monotonic()
        self.form, self.kept = form, kwargs
        llm = self.real(**kwargs)
        self.load_s = time.monotonic() - began
        self.llm, self.shutdown = llm, llm.shutdown
        llm.shutdown = lambda *args, **kwargs: None
        executor = getattr(llm, "_executor", None)
        lacks = [n for n in ("_results", "_error_queue", "is_shutdown") if not hasattr(executor, n)]
        if lacks:
            raise Refused(f"the engine's executor ({type(executor).__name__}) has no {' and no '.join(lacks)}")
        if getattr(llm, "args", None) is not None:
            check_arguments(llm.args)

    def run(self, role, limit, folder):
        """Runs one member and leaves its verdict in its folder."""
        with open(os.path.join(folder, "argv"), "rb") as f:
            argv = [w.decode() for w in f.read().split(b"\0")[:-1]]
        if role != "measure" and "--request_json" in argv:  # records that nobody reads
            at = argv.index("--request_json")
            del argv[at:at + 2]
        if self.internals is None and os.path.basename(argv[0]) == "trtllm-bench":
            self.prepare()
        self.position += role != "prime"
        now = {
            "role": role, "position": self.position, "began": time.monotonic(), "calls": 0, "touched": False,
            "refused": self.refused, "why": "", "exit": None, "setup_s": None, "folder": folder,
        }
        with self.lock:
            self.now = now
            if role == "measure":
                self.members.append(folder)
        self.mark(f"begin {self.position} {role}")
        signal.setitimer(signal.ITIMER_REAL, float(limit))
        why = self.invoke(now, argv, folder)
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.mark(f"end {self.position}")
        spoiled = why and (now["touched"] or role == "prime" or self.refused)
        left = unclean(self.llm) if self.llm is not None and not spoiled else ""
        with self.lock:
            now["exit"], now["why"] = (1 if why else 0), why
            if not why:
                self.figures(role, folder)
            if spoiled or left:
                self.ended = why or left
            self.verdict(now)
            self.now = None

    def invoke(self, now, argv, folder):
        """Runs the command with the member's files as its output. Returns why it failed."""
        report, argv, requests = own_files(argv, folder)
        if os.path.exists(report):
            os.unlink(report)
        if now["role"] != "prime":  # whose output is the engine's own
            self.redirect(*(os.open(os.path.join(folder, n), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666) for n in ("stdout", "stderr")))
        try:
            if any(w.split("=")[0] == "--iteration_log" for w in argv):
                now["refused"] = "--iteration_log reads statistics that the engine keeps between members"
            status = None if now["refused"] else self.call(argv)
            if now["refused"]:
                return now["refused"]
            if status not in (None, 0):
                return f"trtllm-bench ended with {status}"
            if now["calls"] != 1:
                return f"trtllm-bench made {now['calls']} engines"
            return misses(report, requests)
        finally:
            if now["refused"]:
                print(f"llmbench: the engine cannot be shared: {now['refused']}", file=sys.stderr)
            gc.collect()  # what a failed task prints when it is collected is this member's
            flush()
            if now["role"] != "prime":
                self.redirect(os.dup(self.out), os.dup(self.err))

    def call(self, argv):
        if os.path.basename(argv[0]) != "trtllm-bench":  # a stand-in, which has no engine
            self.starts, self.load_s, self.now["calls"], self.now["touched"] = 1, 0.0, 1, True
            return subprocess.call(argv)
        sys.argv = argv
        try:
            return self.internals.main(args=argv[1:], prog_name=argv[0], standalone_mode=False)
        except SystemExit as e:
            return e.code
        except BaseException as e:
            if hasattr(e, "show") and hasattr(e, "exit_code"):  # click's
                e.show()
                return e.exit_code
            traceback.print_exc()
            return type(e).__name__

    def redirect(self, out, err):
        flush()
        for source, to in ((out, 1), (err, 2)):
            os.dup2(source, to)
            os.close(source)

    def mark(self, text):
        os.write(self.out, f"llmbench member {text}\n".encode())

    def figures(self, role, folder):
        if role == "measure" and self.first is None or role == "again":
            with open(os.path.join(folder, REPORT)) as f:
                performance = json.load(f).get("performance")
            if role == "again":
                self.again = performance
            else:
                self.first = performance

    def record(self):
        return {
            "engine": self.id, "starts": self.starts, "load_s": self.load_s,
            "first": self.first, "again": self.again, "ended": self.ended,
            "modules": self.internals.modules if self.internals else {}, "python": platform.python_version(),
        }

    def verdict(self, now):
        now["took_s"] = time.monotonic() - now["began"]
        put(now["folder"], VERDICT, {**self.record(), **{k: v for k, v in now.items() if k not in ("began", "folder")}})

    def stop(self):
        """Tells the members what became of the engine, and ends it. One that is not clean
        is left to whoever ends the step."""
        for folder in [*self.members, "."]:
            if os.path.isdir(folder):
                put(folder, ENGINE, self.record())
        if self.shutdown is not None and not self.ended:
            del self.llm.shutdown
            ending = threading.Thread(target=self.shutdown, daemon=True)
            ending.start()
            ending.join(SHUTDOWN_S)

    def on_signal(self):
        """Ends the process at a signal or a time limit: an exception does not get through
        asyncio."""
        got = signal.sigwait(SIGNALS)
        limit = got == signal.SIGALRM
        why = "the time limit was met" if limit else f"ended by {signal.Signals(got).name}"
        with self.lock:  # and never gives it back: what runs decides nothing any more
            self.ended = self.ended or why
            if self.now is not None:
                self.now.update(exit=124 if limit else 143, why=why)
                flush()
                self.verdict(self.now)
            self.stop()
            os._exit(124 if limit else 143)


SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGALRM}


def own_files(argv, folder):
    """The path of the report, argv with paths that do not depend on the directory, and
    how many requests it asks for."""
    words, report, requests = list(argv), os.path.join(folder, REPORT), None
    for i, word in enumerate(words):
        flag, given, value = word.partition("=")
        if not given and i + 1 < len(words):
            value = words[i + 1]
        if flag in RELATIVE:
            value = os.path.join(folder, value)
            words[i], words[i + 1:i + 2] = (f"{flag}={value}", words[i + 1:i + 2]) if given else (flag, [value])
        if flag == "--report_json":
            report = value
        if flag == "--num_requests":
            requests = int(value)
    return report, words, requests


def misses(path, requests):
    try:
        with open(path) as f:
            got = json.load(f)["request_info"]["num_requests"]
    except (OSError, ValueError, KeyError, TypeError) as e:
        return f"there is no whole report: {type(e).__name__}: {e}"
    if requests and got != requests:
        return f"the report is of {got} requests, not of {requests}"
    return ""


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass
    try:
        import ctypes

        ctypes.CDLL(None).fflush(None)
    except Exception:
        pass


def put(folder, name, record):
    """Writes a file whole or not at all."""
    path = os.path.join(folder, name)
    with open(f"{path}.tmp", "w") as f:
        json.dump(record, f)
        f.write("\n")
        f.flush()
        os.fsync(f.fileno())
    os.replace(f"{path}.tmp", path)


def lines(path):
    """The lines of a file that another process appends to."""
    with open(path) as f:
        line = ""
        while True:
            line += f.readline()
            if line.endswith("\n"):
                yield line[:-1]
                line = ""
            else:
                time.sleep(0.05)


def probe():
    found = {"python": platform.python_version(), "name": None, "modules": {}, "refused": ""}
    try:
        internals = Internals()
        found.update(name=f"{internals.holder.__name__}.{NAME}", modules=internals.modules)
    except Refused as e:
        found["refused"] = str(e)
    flush()
    print("llmbench engine " + json.dumps(found))
    return 1 if found["refused"] else 0


def main():
    if sys.argv[1:] == ["probe"]:
        return probe()
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    os.register_at_fork(after_in_child=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS))
    engine = Engine()
    threading.Thread(target=engine.on_signal, daemon=True).start()
    for line in lines(sys.argv[1]):
        if line == "end":
            break
        engine.run(*line.split(" ", 2))
        if engine.ended:
            break
    engine.stop()
    flush()
    os._exit(1 if engine.ended else 0)


if __name__ == "__main__":
    sys.exit(main())
