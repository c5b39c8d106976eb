"""The verbs of keys: an API key says what it may, is listed, and ends when it is revoked; every act in the journal."""

import shutil

import pytest
import yaml
from gatehouse import bound
from test_cli import typed
from world import SMALL

from features.records.journal import Journal
from serving.access import UNBOUND, Doorkeeper, Grant
from serving.settings import now, read

DEPARTMENTS = [
    {
        "since": "2020-01-01",
        "basis": "b",
        "departments": [{"code": "ecology", "label": "生态环境", "divisions": ["25"]}],
    }
]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A profile with departments, without a home yet."""
    shutil.copytree(SMALL, tmp_path / "place")
    text = yaml.safe_dump(DEPARTMENTS, allow_unicode=True)
    (tmp_path / "place" / "departments.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("JIANWEI_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("JIANWEI_PROFILE", str(tmp_path / "place"))
    monkeypatch.delenv("JIANWEI_STORE", raising=False)
    return tmp_path


def doors(*, sandbox=False):
    """The doorkeeper of the store this command line works with."""
    from serving.store import Store

    chosen = read(sandbox=sandbox)
    return Doorkeeper(Store(chosen.store), now, chosen.profile.zone), chosen.home


def test_a_key_made_at_the_command_line_grants_what_was_asked(place):
    words = ["--role", "regulator_county", "--org", "110101", "--department", "ecology", "--right", "internal"]
    words += ["--network", "10.1.0.0/16", "--days", "7", "--limit", "per_second=3", "--limit", "burst=none"]
    made = typed("keys", "create", "bureau", *words, "--json").json
    door, home = doors()
    found = door(made["key"], "10.1.2.3")
    assert (found.key, made["number"], made["role"]) == (made["number"], made["key"].split("_")[1], "regulator_county")
    assert found.grant == Grant(
        "regulator_county",
        "110101",
        found.grant.expires,
        departments=frozenset({"ecology"}),
        rights=frozenset({"internal"}),
        networks=("10.1.0.0/16",),
        limits=bound(per_second=3, burst=None),
        holder="bureau",
    )
    assert made["expires"] == str(found.grant.expires)
    (entry,) = Journal.of(home).entries("key")
    assert (entry.details["number"], entry.details["org"], entry.details["holder"]) == (found.key, "110101", "bureau")
    assert made["key"].split("_", 2)[2] not in Journal.of(home).path.read_text()


def test_keys_of_a_sandbox_are_its_own_and_without_bounds(place):
    made = typed("keys", "create", "--sandbox", "--role", "integrator_score", "--json").json
    door, home = doors(sandbox=True)
    assert door(made["key"], "").grant.limits == UNBOUND
    assert home.parent.name == "sandbox"
    assert doors()[0].store.url != door.store.url
    assert typed("keys", "list", "--sandbox", "--json").json["keys"][0]["number"] == made["number"]
    assert typed("keys", "list", "--json").json["keys"] == []
    bounded = typed("keys", "create", "--sandbox", "--role", "ops", "--limit", "per_second=9", "--json").json
    assert door(bounded["key"], "").grant.limits.per_second == 9


def test_a_key_without_bounds_is_asked_for(place):
    made = typed("keys", "create", "--role", "ops", "--unbound", "--json").json
    assert doors()[0](made["key"], "").grant.limits == UNBOUND
    assert "shown this once" in typed("keys", "create", "--role", "ops").out


def test_a_revoked_key_opens_nothing_and_the_journal_says_so(place):
    made = typed("keys", "create", "--role", "ops", "--json").json
    door, home = doors()
    assert door(made["key"], "") is not None
    assert typed("keys", "revoke", made["number"], "--json").json["number"] == made["number"]
    assert door(made["key"], "") is None
    assert typed("keys", "revoke", made["number"]).code == 50
    assert [entry.details for entry in Journal.of(home).entries("key.revoked")] == [{"number": made["number"]}]
    (listed,) = typed("keys", "list", "--json").json["keys"]
    assert listed["revoked"] is not None
    assert "1 API keys" in typed("keys", "list").out


def registered(place):
    """The profile with a portal."""
    stated = {"issuer": "https://portal.example", "client": "jianwei", "address": "https://risk.example"}
    text = yaml.safe_dump({**stated, "label": "统一身份认证登录", "label_en": "portal"}, allow_unicode=True)
    (place / "place" / "login.yaml").write_text(text, encoding="utf-8")


def test_a_key_of_somebody_at_the_portal_is_borne_by_nobody(place):
    registered(place)
    words = ["keys", "create", "li", "--role", "auditor", "--login", "li-007"]
    made = typed(*words, "--json").json
    assert (made["kind"], made["login"], made["issuer"]) == ("login", "li-007", "https://portal.example")
    assert "key" not in made
    (listed,) = typed("keys", "list", "--json").json["keys"]
    assert (listed["number"], listed["login"], listed["holder"]) == (made["number"], "li-007", "li")
    home = doors()[1]
    (entry,) = Journal.of(home).entries("key")
    assert (entry.details["number"], entry.details["kind"]) == (made["number"], "login")
    assert "li-007" not in Journal.of(home).path.read_text(encoding="utf-8")
    again = typed(*words)
    assert (again.code, again.out) == (50, "")
    assert f"jianwei keys revoke {made['number']}" in again.err
    typed("keys", "revoke", made["number"])
    assert "of li-007 at https://portal.example; nobody bears it" in typed(*words).out


@pytest.mark.parametrize("login", [" li", "li\n", "l" * 256])
def test_a_subject_that_no_portal_would_name_is_refused(place, login):
    registered(place)
    found = typed("keys", "create", "li", "--role", "auditor", "--login", login)
    assert found.code == 50
    assert "is no subject of the portal" in found.err


def test_without_a_portal_in_the_profile_nobody_has_a_login(place):
    found = typed("keys", "create", "li", "--role", "auditor", "--login", "li-007")
    assert found.code == 50
    assert "login.yaml does not exist" in found.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--role", "emperor"], "does not exist"),
        (["--role", "ops", "--right", "internal"], "cannot be given"),
        (["--role", "ops", "--department", "forestry"], "not in departments.yaml"),
        (["--role", "ops", "--limit", "speed=9"], "is no limit"),
        (["--role", "ops", "--network", "home"], "expected CIDR, 10.1.0.0/16"),
        (["--role", "ops", "--network", "10.2.0.7/16"], "has host bits set); expected CIDR, 10.2.0.0/16"),
    ],
)
def test_a_key_that_cannot_be_is_refused_and_nothing_is_noted(place, words, said):
    found = typed("keys", "create", *words)
    assert (found.code, found.out) == (50, "")
    assert said in found.err
    assert list(Journal.of(doors()[1]).entries("key")) == []


def test_a_signing_key_needs_a_person(place):
    assert typed("keys", "create").code == 2
    options = {"--org": "1", "--right": "internal", "--network": "10.0.0.0/8", "--limit": "burst=1", "--login": "li"}
    for option in options.items():
        forgotten = typed("keys", "create", "li", *option)
        assert forgotten.code == 2
        assert f"{option[0]}: only an API key has that" in forgotten.err
    assert list(Journal.of(doors()[1]).entries("key")) == []
    assert typed("keys", "create", "li", "--json").json["kind"] == "signing"


def test_the_verification_of_a_home_covers_its_audit(place):
    from serving.audit import Audit

    typed("keys", "create", "li")
    home = doors()[1]
    writer = Audit(home, now)
    for _ in range(3):
        writer.append({"rows": 1})
    writer.close()
    assert not [fault for fault in typed("status", "--verify", "--json").json["verified"]["faults"] if "audit" in fault]
    (path,) = (home / "audit").iterdir()
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    found = typed("status", "--verify", "--json")
    assert found.code == 60
    assert any("4 lines were anchored" in fault for fault in found.json["verified"]["faults"])
