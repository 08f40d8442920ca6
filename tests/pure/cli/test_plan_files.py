"""`process-operator plan`: which files it reads, and how it refuses."""

import io
import pathlib

import pytest

from process_operator import __main__

ROOT = pathlib.Path(__file__).parents[3]
SAMPLE = ROOT / "deploy/samples/shop.yaml"
SIZES = ROOT / "deploy/resource-types.yaml"


def _plan(*arguments: object) -> int:
    return __main__.main(["plan", *map(str, arguments)])


def test_several_files_make_one_plan(capsys: pytest.CaptureFixture[str]) -> None:
    assert _plan("-f", SAMPLE, "-f", SIZES) == 2
    assert capsys.readouterr().out.startswith("default/shop\n  release shop-1, the first one:\n")


def test_a_folder_is_read_with_all_below_it(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base/shop.yml").write_text(SAMPLE.read_text())
    (tmp_path / "sizes.yaml").write_text(SIZES.read_text())
    (tmp_path / "README.md").write_text("not: [a manifest")
    assert _plan("-f", tmp_path, "-n", "demo") == 2
    assert capsys.readouterr().out.startswith("demo/shop\n")


def test_standard_input_is_read_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(SAMPLE.read_text()))
    assert _plan("-f", "-", "-f", SIZES) == 2
    assert "+ CronJob shop-nightly (nightly) is made" in capsys.readouterr().out


def test_manifests_without_sizes_name_the_file_the_field_and_the_remedy(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _plan("-f", SAMPLE) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[0] == (
        f'{SAMPLE}, document 2, Process "web": spec.resourceTypeRef.name: there is no '
        "ProcessResourceType among the manifests; add them, for example by "
        "-f deploy/resource-types.yaml, or compare with the cluster that has them by --live"
    )


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("missing.yaml", None, "missing.yaml: No such file or directory"),
        ("bad.yaml", b"a: b: c", "bad.yaml, line 1: not YAML: mapping values are not allowed"),
        ("text.yaml", b"just text", "text.yaml, document 1: not a manifest; it needs"),
        ("binary.yaml", b"\xff\xfe\x00", "it is not a text in UTF-8"),
        ("empty.yaml", b"", "there are no manifests of process-operator.dev in"),
    ],
)
def test_what_cannot_be_read_is_an_error(
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: bytes | None,
    says: str,
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert _plan("-f", tmp_path / name) == 1
    assert says in capsys.readouterr().err


def test_an_empty_folder_is_an_error(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _plan("-f", tmp_path) == 1
    assert "holds no file that ends with .json, .yaml, .yml" in capsys.readouterr().err


def test_without_manifests_there_is_nothing_to_plan(capsys: pytest.CaptureFixture[str]) -> None:
    assert _plan() == 1
    assert "-f is missing; give the manifests" in capsys.readouterr().err


def test_without_a_cluster_live_is_an_error(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = tmp_path / "kubeconfig"
    nowhere.write_text(
        "current-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n"
        "clusters: [{name: a, cluster: {server: 'http://127.0.0.1:1'}}]\n"
        "users: [{name: a, user: {}}]\n"
    )
    monkeypatch.setenv("KUBECONFIG", str(nowhere))
    assert _plan("-f", SAMPLE, "--live") == 1
    assert "the cluster cannot be read: GET /apis/process-operator.dev/" in capsys.readouterr().err
