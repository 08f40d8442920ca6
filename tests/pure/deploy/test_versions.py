import re

import pytest

from local_cluster import ClusterError, build, versions

OURS = """\
// What it is for.
module example.com/local

go 1.26.0

require (
	go.etcd.io/etcd/server/v3 v3.6.8
	k8s.io/kubectl v0.36.3
	k8s.io/kubernetes v1.36.3
)

require (
	k8s.io/api v0.36.3 // indirect
)

replace k8s.io/api => k8s.io/api v0.36.3
"""


def test_without_a_word_it_is_the_newest_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(versions.VARIABLE, raising=False)
    assert versions.chosen().is_newest
    assert f"k8s.io/kubernetes v{versions.chosen().patch}" in (build.MODULE / "go.mod").read_text()


def test_an_unknown_version_is_told_with_those_that_are_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(versions.VARIABLE, "1.20")
    with pytest.raises(ClusterError, match=r"KUBERNETES=1.20 is not known: use one of 1.36, 1.35"):
        versions.chosen()


def test_the_support_table_tells_the_versions_that_can_be_tested() -> None:
    page = (build.CHECKOUT / "docs" / "guides" / "upgrades.md").read_text()
    told = re.findall(r"^\| (1\.\d+) \| (.*?) \|", page, re.MULTILINE)
    tested = [minor for minor, what in told if not what.startswith("nothing")]
    assert tested == list(versions.PATCHES)
    assert all(f"KUBERNETES={minor}`" in what for minor, what in told[1:-1])


def test_an_older_module_requires_the_same_of_that_version_and_nothing_that_came_later() -> None:
    older = versions.Version("1.35", "1.35.4")
    assert versions._module(older, OURS, ["k8s.io/api"]) == (
        "// What it is for.\nmodule example.com/local\n\ngo 1.26.0\n\n"
        "require (\n"
        "\tgo.etcd.io/etcd/server/v3 v3.6.8\n"
        "\tk8s.io/kubectl v0.35.4\n"
        "\tk8s.io/kubernetes v1.35.4\n"
        ")\n\nreplace (\n\tk8s.io/api => k8s.io/api v0.35.4\n)\n"
    )
