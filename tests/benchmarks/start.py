"""Start to ready: ours against the bare service, by turns, best of three, bytecode compiled. Last line JSON.

python tests/benchmarks/start.py [HOME]    # a home's parent, default the sandbox; its champion and months are served
"""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from serving import settings

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
ROUNDS = 3
LIMIT = 1.6


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_ready(port):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def seconds(command, environment, cwd):
    """From the start of a process until it says it is ready."""
    port = free_port()
    began = time.monotonic()
    process = subprocess.Popen(
        [*command, str(port)], env=environment, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not is_ready(port):
            assert process.poll() is None, f"{command} ended by {process.returncode}"
            assert time.monotonic() - began < 120, f"{command} did not become ready"
            time.sleep(0.02)
        return time.monotonic() - began
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main():
    chosen = settings.read(sandbox=len(sys.argv) < 2)
    if len(sys.argv) > 1:
        os.environ["JIANWEI_HOME"] = str(Path(sys.argv[1]).absolute())
        chosen = settings.read()
    model = next(iter(sorted((chosen.home / "schemes").glob("*/model-0.txt"))))
    environment = {**settings.inherited(chosen), "PYTHONPATH": str(ROOT), "BARE_MODEL": str(model)}
    bento = [sys.executable, "-m", "bentoml", "serve", "bare:Bare", "--host", "127.0.0.1", "--port"]
    ways = {
        "ours": ([sys.executable, "-m", "serving", "serve", "--port"], ROOT),
        "bare": (bento, HERE),
        "bare_one_process": ([sys.executable, "bare.py"], HERE),
    }
    rooms = ("features", "training", "evaluation", "serving")
    subprocess.run([sys.executable, "-m", "compileall", "-q", *rooms], cwd=ROOT, check=True)
    taken = {name: [] for name in ways}
    for turn in range(ROUNDS):
        for name, (command, cwd) in ways.items():
            taken[name].append(round(seconds(command, environment, cwd), 2))
            print(f"round {turn + 1}  {name:18} {taken[name][-1]:6.2f} s", flush=True)
    best = {name: min(found) for name, found in taken.items()}
    ratios = {f"ours_to_{name}": round(best["ours"] / best[name], 2) for name in ("bare", "bare_one_process")}
    print(json.dumps({"seconds": taken, "best": best, **ratios, "limit": LIMIT}))


if __name__ == "__main__":
    main()
