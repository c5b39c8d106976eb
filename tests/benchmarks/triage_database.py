"""A PostgreSQL cluster of its own for triage.py, and triage's own environment: made, asked, stopped."""

import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

PACKAGE = "postgresql"
OWNER = "postgres"  # PostgreSQL refuses to run as root
# Triage 6.0.0 installs without the last two, but starts only with a pyarrow this old and with pkg_resources.
TRIAGE = ("triage==6.0.0", "pyarrow==15.0.2", "setuptools<81")
THEIRS = Path(__file__).with_name("triage_theirs.py")
# Memory as for a machine of 24 GiB. Nothing is kept safe, for all of it is thrown away: that favours triage.
SETTINGS = {
    "shared_buffers": "2GB",
    "work_mem": "256MB",
    "maintenance_work_mem": "512MB",
    "effective_cache_size": "8GB",
    "max_wal_size": "16GB",
    "checkpoint_timeout": "1h",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "jit": "off",
}


def environment(folder):
    """The Python of triage's own environment, made on the first run: 6.6 GB, apart from ours and from CI."""
    made = folder / "triage_venv"
    python, is_ready = made / "bin" / "python", made / "ready"
    if not is_ready.exists():
        print(f"making {made}: some minutes and 6.6 GB of disk", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(made)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--no-cache-dir", *TRIAGE], check=True)
        is_ready.touch()
    return python


def programs():
    """Where initdb and pg_ctl of the newest PostgreSQL are; installed when missing and this is root."""
    found = _installed()
    if not found and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "install", "-y", PACKAGE], check=False, stdout=subprocess.DEVNULL)
        found = _installed()
    if not found:
        raise SystemExit(f"There is no PostgreSQL. Install Debian's package {PACKAGE} (apt-get install {PACKAGE}).")
    return found[-1]


def asked(python, folder, wanted):
    """What triage_theirs.py prints; the values lie in the folder, a CSV file a way of asking."""
    (folder / "ask.json").write_text(json.dumps(wanted))
    with _cluster() as (port, variables):
        command = [str(python), "-I", str(THEIRS), str(port), str(folder)]
        done = subprocess.run(command, env=variables, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"triage ended with {done.returncode}; what it said is above.")
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def _cluster():
    """A new cluster on a free loopback port, with its password among the variables; stopped and removed at the end."""
    at, base, port = programs(), Path(tempfile.mkdtemp(prefix="jianwei-triage-")), _free_port()
    data, secret, password = base / "data", base / "password", secrets.token_hex(16)
    secret.write_text(password)
    if os.geteuid() == 0:
        for path in (base, secret):
            shutil.chown(path, _owner())
    settings = SETTINGS | {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": base}
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    try:
        _as_owner([at / "initdb", "-D", data, "-U", OWNER, "-A", "scram-sha-256", "--pwfile", secret], base)
        _as_owner([at / "pg_ctl", "-D", data, "-l", base / "log", "-w", "-o", options, "start"], base)
        try:
            yield port, {**os.environ, "PGPASSWORD": password}
        finally:
            _as_owner([at / "pg_ctl", "-D", data, "-m", "fast", "-w", "stop"], base)
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _owner():
    try:
        return pwd.getpwnam(OWNER).pw_name
    except KeyError:
        raise SystemExit(f"There is no user {OWNER}. Debian's package {PACKAGE} makes it; install it again.") from None


def _installed():
    places = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return [path.parent for path in sorted(places, key=lambda path: int(path.parts[-3]))]


def _free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def _as_owner(command, base):
    """Run one of PostgreSQL's programs as its own user, or as who we are when that is not root."""
    who = ["runuser", "-u", OWNER, "--"] if os.geteuid() == 0 else []
    with (base / "said").open("a") as said:
        done = subprocess.run([*who, *map(str, command)], stdout=said, stderr=said, cwd=base, check=False)
    if done.returncode:
        raise SystemExit(f"{command[0].name} ended with {done.returncode}:\n{(base / 'said').read_text()}")
