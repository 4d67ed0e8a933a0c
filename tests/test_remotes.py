"""DVC with the shipped configuration against a real S3 server, well and with faults.

The commands are those of docs/remotes.md. Where a fault is tried, a few small files stand for the
pipeline's outputs: DVC treats all alike.
"""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from pipeline_repository import ENVIRONMENT, ROOT
from s3_proxy import Proxy
from s3_server import free_port

# Each of these starts DVC many times.
pytestmark = pytest.mark.slow

N_FILES = 8
DVC = (sys.executable, "-m", "dvc")
FPERANK = (sys.executable, "-m", "fperank.cli")


class Shell:
    """Runs commands with the rights to one bucket, and nothing of the user's own AWS settings."""

    def __init__(self, s3, folder):
        folder.mkdir(exist_ok=True)
        (folder / "aws-config").write_text("")
        self.environment = {**ENVIRONMENT, **s3.environment}
        # The endpoint must come from DVC's configuration.
        del self.environment["AWS_ENDPOINT_URL"]
        self.environment |= {
            **dict.fromkeys(
                ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), str(folder / "aws-config")
            ),
            **{"AWS_MAX_ATTEMPTS": "2", "AWS_RETRY_MODE": "standard"},
        }

    def __call__(self, folder, *command, code=0, **environment):
        result = subprocess.run(
            command,
            cwd=folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=300,
        )
        printed = result.stdout + result.stderr
        assert bool(result.returncode) == bool(code), printed
        return printed

    def dvc(self, folder, *arguments, code=0, **environment):
        return self(folder, *DVC, *arguments, code=code, **environment)


@pytest.fixture
def shell(s3, tmp_path):
    return Shell(s3, tmp_path / "shell")


@pytest.fixture
def proxy(s3):
    between = Proxy(s3.endpoint)
    yield between
    between.close()


def point_to(folder, bucket, endpoint):
    """What `dvc remote modify --local storage ...` writes (the pipeline's test runs that)."""
    (folder / ".dvc" / "config.local").write_text(
        f"['remote \"storage\"']\n    url = s3://{bucket}/some prefix\n"
        f"    endpointurl = {endpoint}\n"
    )


@pytest.fixture
def few(s3, shell, proxy, tmp_path):
    """A repository of a folder with a few small files, whose remote is the proxy."""
    folder = tmp_path / "few"
    (folder / ".dvc").mkdir(parents=True)
    for name in ("config", ".gitignore"):
        shutil.copy(ROOT / ".dvc" / name, folder / ".dvc" / name)
    (folder / "photos").mkdir()
    for k in range(N_FILES):
        (folder / "photos" / f"{k}.bin").write_bytes(bytes([k]) * 5000)
    shell(folder, "git", "init", "--quiet", "--initial-branch=main")
    shell.dvc(folder, "add", "--quiet", "photos")
    shell(folder, "git", "add", "--all")
    shell(folder, "git", "commit", "--quiet", "--message=photos")
    point_to(folder, s3.bucket, proxy.endpoint)
    return folder


@pytest.fixture
def clone(few, shell, s3, proxy, tmp_path):
    """A fresh clone of it, without data; it asks the same remote."""
    shell(tmp_path, "git", "clone", "--quiet", str(few), "clone")
    point_to(tmp_path / "clone", s3.bucket, proxy.endpoint)
    return tmp_path / "clone"


def photos(folder):
    return {path.name: path.read_bytes() for path in (folder / "photos").glob("*")}


def lists(s3):
    return [name for name in s3.objects() if name.endswith(".dir")]


def test_a_push_that_was_killed_leaves_only_whole_files_and_the_repeat_sends_the_rest(
    s3, shell, proxy, few, clone
):
    proxy.misbehave("hang", after=3, method="PUT")
    push = subprocess.Popen(
        [*DVC, "push", "--quiet", "--jobs", "2"], cwd=few, env=shell.environment
    )
    assert proxy.reached.wait(120)
    push.kill()
    push.wait()
    proxy.misbehave(None)
    assert 0 < len(s3.objects()) < N_FILES
    assert set(s3.objects().values()) == {5000}
    assert lists(s3) == []
    printed = shell.dvc(clone, "pull", code=1)
    assert re.search(r"failed to|missing", printed, re.IGNORECASE)
    assert photos(clone) == {}
    left = 1 + N_FILES - len(s3.objects())
    assert f"{left} files pushed" in shell.dvc(few, "push")
    shell.dvc(clone, "pull")
    assert photos(clone) == photos(few)


REASONS = {
    "SlowDown": r"\(503\).*Service Unavailable|SlowDown|reduce your request rate",
    "drop": r"Connection was closed before we received a valid response",
    "InvalidAccessKeyId": r"\(403\).*Forbidden|Access Key Id you provided does not exist",
    "SignatureDoesNotMatch": r"\(403\).*Forbidden|signature does not match",
}


def test_a_server_that_refuses_ends_a_push_with_its_reason_and_the_repeat_succeeds(
    s3, shell, proxy, few
):
    for sent, (fault, reason) in enumerate(REASONS.items(), start=1):
        # It begins when one more file is there: the first requests only ask.
        proxy.misbehave(fault, after=1, method="PUT")
        printed = shell.dvc(few, "push", "--jobs", "8", code=1, AWS_MAX_ATTEMPTS="1")
        assert re.search(r"unexpected error|failed to (push|transfer)", printed), printed
        assert re.search(reason, printed), printed
        assert "testing-secret" not in printed
        assert list(s3.objects().values()) == [5000] * sent
        assert lists(s3) == []
    proxy.misbehave(None)
    assert f"{N_FILES + 1 - len(REASONS)} files pushed" in shell.dvc(few, "push")


def test_a_server_that_is_busy_for_a_moment_is_asked_again(s3, shell, proxy, few, clone):
    proxy.misbehave("SlowDown", times=3)
    printed = shell.dvc(few, "push", AWS_MAX_ATTEMPTS="10")
    assert f"{N_FILES + 1} files pushed" in printed
    assert proxy.met == 3
    proxy.misbehave("drop", times=3, method="GET")
    shell.dvc(clone, "pull", AWS_MAX_ATTEMPTS="10")
    assert proxy.met == 3
    assert photos(clone) == photos(few)


def test_a_pull_that_cannot_reach_or_enter_the_server_says_so_and_the_repeat_succeeds(
    s3, shell, proxy, few, clone
):
    shell.dvc(few, "push")
    point_to(clone, s3.bucket, f"http://127.0.0.1:{free_port()}")
    printed = shell.dvc(clone, "pull", code=1)
    assert 'Could not connect to the endpoint URL: "http://127.0.0.1:' in printed
    point_to(clone, s3.bucket, proxy.endpoint)
    proxy.misbehave("SignatureDoesNotMatch")
    printed = shell.dvc(clone, "pull", code=1)
    assert re.search(r"failed to connect to s3 .*Forbidden", printed), printed
    nobody = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "")
    printed = shell.dvc(clone, "pull", code=1, **nobody)
    assert "Unable to locate credentials" in printed
    assert photos(clone) == {}
    proxy.misbehave(None)
    shell.dvc(clone, "pull")
    assert photos(clone) == photos(few)


def test_a_profile_and_a_public_bucket_are_set_in_the_file_that_git_ignores(
    s3, shell, few, clone, tmp_path
):
    nobody = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "")
    profiles = tmp_path / "credentials"
    profiles.write_text(
        f"[streams]\naws_access_key_id = {s3.key}\naws_secret_access_key = {s3.secret}\n"
    )
    shell.dvc(few, "remote", "modify", "--local", "storage", "profile", "streams")
    printed = shell.dvc(few, "push", AWS_SHARED_CREDENTIALS_FILE=str(profiles), **nobody)
    assert f"{N_FILES + 1} files pushed" in printed
    everybody = {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:ListBucket"]}
    everybody["Resource"] = [f"arn:aws:s3:::{s3.bucket}", f"arn:aws:s3:::{s3.bucket}/*"]
    policy = {"Version": "2012-10-17", "Statement": [everybody]}
    s3.client.put_bucket_policy(Bucket=s3.bucket, Policy=json.dumps(policy))
    # moto alone also looks at each object's own rights when it is asked for its size.
    for name in [] if "FPERANK_TEST_S3_ENDPOINT" in os.environ else s3.objects():
        s3.client.put_object_acl(Bucket=s3.bucket, Key=name, ACL="public-read")
    shell.dvc(clone, "remote", "modify", "--local", "storage", "allow_anonymous_login", "true")
    shell.dvc(clone, "pull", **nobody)
    assert photos(clone) == photos(few)
    for folder in (few, clone):
        assert "config.local" not in shell(folder, "git", "status", "--porcelain")


def test_a_damaged_object_is_found_at_pull_and_never_used(s3, shell, few, clone):
    shell.dvc(few, "push")
    damaged = next(name for name in s3.objects() if not name.endswith(".dir"))
    s3.client.put_object(Bucket=s3.bucket, Key=damaged, Body=b"x" * 5000)
    printed = shell.dvc(clone, "pull", "--verbose", code=1)
    hexes = "".join(damaged.split("/")[-2:])
    assert re.search(rf"corrupted cache file '.*{hexes[:2]}/{hexes[2:]}'", printed), printed
    assert "failed to pull data from the cloud" in printed
    assert photos(clone) == {}
    assert not (clone / ".dvc/cache/files/md5" / hexes[:2] / hexes[2:]).exists()
    # DVC believes a folder's list; so the list must go too before it sends the file again.
    for name in (damaged, *lists(s3)):
        s3.client.delete_object(Bucket=s3.bucket, Key=name)
    assert "2 files pushed" in shell.dvc(few, "push")
    shell.dvc(clone, "pull")
    assert photos(clone) == photos(few)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_full_disk_at_pull_is_named_and_nothing_half_written_is_used(
    s3, shell, few, clone, tmp_path
):
    shell.dvc(few, "push")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24k", "tmpfs", disk])
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    try:
        with (clone / ".dvc" / "config.local").open("a") as config:
            config.write(f"[cache]\n    dir = {disk}\n")
        printed = shell.dvc(clone, "pull", code=1)
        assert "No space left on device" in printed
        assert "failed to pull data from the cloud" in printed
        assert photos(clone) == {}
        held = [path for path in disk.rglob("*") if path.is_file() and "files" in path.parts]
        whole = {path for path in held if path.stat().st_size == 5000 or path.suffix}
        assert set(held) == whole
        subprocess.run(["mount", "-o", "remount,size=10m", disk], check=True)
        shell.dvc(clone, "pull")
        assert photos(clone) == photos(few)
    finally:
        subprocess.run(["umount", disk], check=True)


def test_without_a_bucket_of_ones_own_nothing_is_sent_and_the_message_leads_on(shell, few):
    (few / ".dvc" / "config.local").unlink()
    printed = shell.dvc(few, "push", code=1)
    assert 'Invalid bucket name "<your-bucket - see Remotes in README.md>"' in printed
    assert "up to date" in shell.dvc(few, "status")


def test_a_version_travels_and_two_releases_live_side_by_side(s3, shell, repository, tmp_path):
    def listed(folder):
        rows = json.loads(shell(folder, *FPERANK, "versions", "--json"))
        return {name: row for row in rows for name in row["names"]}

    shell(tmp_path, "git", "init", "--quiet", "--bare", "--initial-branch=main", "origin.git")
    shell(repository, "git", "remote", "add", "origin", str(tmp_path / "origin.git"))
    modify = ("remote", "modify", "--local", "storage")
    shell.dvc(repository, *modify, "url", f"s3://{s3.bucket}/fperank")
    shell.dvc(repository, *modify, "endpointurl", s3.endpoint)
    assert "secret" not in (repository / ".dvc" / "config.local").read_text()
    assert shell(repository, "git", "status", "--porcelain") == ""
    printed = shell(repository, *FPERANK, "release", code=1)
    assert "outputs are not on the remote; run `dvc push`" in printed
    printed = shell(repository, *FPERANK, "release", "--push")
    one = re.search(r"git push origin (\S+)", printed).group(1)
    assert one == "west-brook-0-lower/FLOW_CFS/demo-1/rank-1"
    assert "in sync" in shell.dvc(repository, "status", "--cloud")

    shell.dvc(repository, "exp", "run", "-S", "bootstrap_samples=11", "--name", "calm-loon")
    shell(repository, "git", "push", "--quiet", "origin", "main", one)
    shell.dvc(repository, "exp", "push", "origin", "calm-loon")
    shell(tmp_path, "git", "clone", "--quiet", str(tmp_path / "origin.git"), "clone")
    clone = tmp_path / "clone"
    shutil.copy(repository / ".dvc" / "config.local", clone / ".dvc" / "config.local")
    shell.dvc(clone, "exp", "pull", "origin", "calm-loon")
    shell.dvc(clone, "exp", "apply", "calm-loon")
    assert "bootstrap_samples: 11" in (clone / "params.yaml").read_text("utf-8")
    assert "Data and pipelines are up to date" in shell.dvc(clone, "repro")
    row = listed(clone)["calm-loon"]
    assert (row["model_version"], row["here"], row["remote"]) == ("rank-1", "yes", "yes")

    changes = ("-S", "model_version=rank-2", "-S", "bootstrap_samples=12")
    shell(repository, "git", "checkout", "--quiet", "HEAD", "--", ".")
    shell.dvc(repository, "exp", "run", *changes)
    shell(repository, "git", "commit", "--quiet", "--all", "--message=rank-2")
    printed = shell(repository, *FPERANK, "release", "--push")
    two = re.search(r"git push origin (\S+)", printed).group(1)
    assert two == "west-brook-0-lower/FLOW_CFS/demo-1/rank-2"
    shell(repository, "git", "push", "--quiet", "origin", "main", two)
    before = set(s3.objects())
    shell.dvc(repository, "gc", "--all-tags", "--cloud", "--force")
    assert 0 < len(set(s3.objects())) < len(before)
    for tag in (one, two):
        shell(repository, "git", "checkout", "--quiet", tag)
        shell.dvc(repository, "checkout")

    shell(clone, "git", "reset", "--quiet", "--hard")
    shell(clone, "git", "fetch", "--quiet", "--tags")
    shutil.rmtree(clone / ".dvc" / "cache")
    shutil.rmtree(clone / "data")
    states = {tag: (row["here"], row["remote"]) for tag, row in listed(clone).items()}
    assert [states[tag] for tag in (one, two)] == [("no", "yes")] * 2
    for tag in (one, two):
        shell(clone, "git", "checkout", "--quiet", tag)
        shell.dvc(clone, "pull")
        assert "Data and pipelines are up to date" in shell.dvc(clone, "repro")
    printed = json.loads(shell.dvc(clone, "metrics", "diff", "--json", one, two))
    assert any("diff" in row for row in printed["report/metrics.json"].values())
    shell(clone, "git", "tag", "--annotate", "--message=x", "model@v1.0.0", one)
    shell.dvc(clone, "artifacts", "get", ".", "model", "--out", "../got")
    assert (tmp_path / "got" / "model.safetensors").is_file()
