import pytest
from small_place import Home


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)
