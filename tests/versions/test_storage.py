import hashlib
import json

import pytest

from fperank.ground.errors import DataError
from fperank.versions.storage import Store


def test_a_folder_stands_for_its_files_where_its_list_is_cached_and_whole(tmp_path):
    listed = json.dumps([{"md5": "a" * 32, "relpath": "x"}, {"md5": "b" * 32, "relpath": "y"}])
    md5 = f"{hashlib.md5(listed.encode()).hexdigest()}.dir"
    store = Store(tmp_path)
    assert store.objects("c" * 32) == {"c" * 32}
    assert store.objects(md5) == {md5}
    path = store.path(md5)
    path.parent.mkdir()
    path.write_text(listed)
    assert store.objects(md5) == {md5, "a" * 32, "b" * 32}
    path.write_text(listed[:-9])
    with pytest.raises(DataError, match=r"\.dir is damaged: delete it, then run `dvc fetch`"):
        store.objects(md5)
