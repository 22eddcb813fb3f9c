#!/usr/bin/env python3
"""Makes expected.json of this folder: what transformers makes of conversations with the templates of
templates/ and with small ones that each have one feature.

    python3 -m venv /tmp/transformers
    /tmp/transformers/bin/pip install transformers==5.10.4 jinja2
    /tmp/transformers/bin/python trainer/text/tests/make.py

The tokenizer is that of examples/dialects/base. Templates that ask for the date get NOW.
"""

import datetime
import json
import shutil
import tempfile
from pathlib import Path

from transformers import AutoTokenizer
from transformers.utils import chat_template_utils

HERE = Path(__file__).parent
BASE = HERE.parents[2] / "examples/dialects/base"
NOW = datetime.datetime(2025, 3, 7, 14, 5, 9)


class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


chat_template_utils.datetime = Clock

USER = dict(role="user", content="What is 6 * 7?")
SYSTEM = dict(role="system", content="Reason, then answer in \\boxed{}.")
ANSWER = dict(role="assistant", content="<think>\n6 * 7 is 42.\n</think>\n\n\\boxed{42}")
AGAIN = dict(role="user", content="  Äh, “why” 😀 \u2028 & <b>'\"\\?\n")
CONVERSATIONS = [[USER], [SYSTEM, USER], [USER, ANSWER, AGAIN], [SYSTEM, USER, ANSWER], [AGAIN]]

TOKENIZER = json.loads((BASE / "tokenizer_config.json").read_text())
TC = TOKENIZER["chat_template"]
DETAILED = dict(content="<|im_end|>", lstrip=False, normalized=False, rstrip=False, single_word=False, special=True)
cases = []


def case(name, template=TC, files={}, kwargs=[{}], drop=[], **config):
    """A folder with this template and these settings, and what becomes of each conversation."""
    config = {**TOKENIZER, "chat_template": template, **config}
    for key in ["chat_template"] * (template is None) + drop:
        config.pop(key, None)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for file in ["tokenizer.json", "config.json"]:
            shutil.copy(BASE / file, folder / file)
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
        for file, text in files.items():
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_text(text, newline="")
        tokenizer = AutoTokenizer.from_pretrained(folder)
        renderings = []
        for messages in CONVERSATIONS:
            for given in kwargs:
                prompt = messages[-1]["role"] == "user"
                apply = lambda tokenize: tokenizer.apply_chat_template(
                    messages, tokenize=tokenize, add_generation_prompt=prompt, **given
                )
                rendering = dict(messages=messages, kwargs=given, generation_prompt=prompt)
                try:
                    rendering["text"] = apply(False)
                    rendering["ids"] = apply(True)["input_ids"]
                except Exception as error:
                    rendering["error"] = str(error)
                renderings.append(rendering)
        cases.append(dict(name=name, tokenizer_config=config, files=files, renderings=renderings))
        errors = [r["error"] for r in renderings if "error" in r]
        print(name, len(renderings), *errors[:1])


def snippet(name, source, **kwargs):
    """A few expressions before the usual template."""
    case(name, source + TC, **kwargs)


# The templates of models that people train.
for file in sorted((HERE / "templates").glob("*.jinja")):
    switches = [{}, dict(enable_thinking=False), dict(enable_thinking=True)]
    date = [dict(date_string="01 Jan 2024")]
    special = dict(bos_token="<|begin_of_text|>") if file.stem in ("llama3_2", "gemma") else {}
    case(
        file.stem,
        None,
        {"chat_template.jinja": file.read_text()},
        kwargs=switches if file.stem in ("qwen3", "smollm3") else [{}] + date * (file.stem == "llama3_2"),
        **special,
    )

# Where the template stands.
THINKING = TC.replace("assistant\\n", "assistant\\n<think>\\n")
case("list", [dict(name="tool_use", template="{{ tools }}"), dict(name="default", template=TC)])
case("jinja_file", None, {"chat_template.jinja": TC})
case("jinja_file_first", TC, {"chat_template.jinja": THINKING})
case("jinja_file_and_others", TC, {"chat_template.jinja": THINKING, "additional_chat_templates/rag.jinja": "{{ documents }}"})
case("none", None)
case("list_without_default", [dict(name="tool_use", template="{{ tools }}")])
case("crlf", None, {"chat_template.jinja": "{% for m in messages %}\r\n{{ m.content }}\r\n{% endfor %}\r\n"})
case("last_newline", TC + "\n\n")

# Special tokens.
SHOW = "[{{ bos_token }}|{{ eos_token }}|{{ unk_token }}|{{ pad_token }}|{% if bos_token is defined %}bos{% endif %}]"
snippet("tokens", SHOW)
snippet("tokens_detailed", SHOW, eos_token=dict(__type="AddedToken", **DETAILED), bos_token="<|endoftext|>")
snippet("tokens_null", SHOW, eos_token=None, pad_token=None)
case("tokens_map", SHOW + TC, {"special_tokens_map.json": json.dumps(dict(bos_token="<|im_start|>", eos_token="<|endoftext|>"))})
case("tokens_map_detailed", SHOW + TC, {"special_tokens_map.json": json.dumps(dict(eos_token=DETAILED))}, drop=["eos_token"])
case(
    "tokens_map_ignored",
    SHOW + TC,
    {"special_tokens_map.json": json.dumps(dict(bos_token="<|im_start|>"))},
    added_tokens_decoder={"258": DETAILED},
)
case("tokens_v5", SHOW + TC, extra_special_tokens=["<|a|>"], model_specific_special_tokens={})
case("tokens_absent", SHOW + TC, drop=["eos_token", "pad_token"])

# Jinja as transformers extends it.
GENERATION = TC.replace("{{ '<|im_start|>' + message.role", "{% generation %}{{ '<|im_start|>' + message.role").replace(
    "'<|im_end|>\\n' }}", "'<|im_end|>\\n' }}{% endgeneration %}"
)
case("generation", GENERATION)
case("generation_trim", "{% for m in messages %}\n  {%- generation -%}\n  {% set x = m.content %}{{ x }}  \n  {%- endgeneration %}\n  {{ x }}|\n{% endfor %}")
case("in_raw", "{% raw %}{% generation %}{{ a % b }}{% endraw %}{# {% generation %} #}" + TC)
snippet("strftime", "{%- set d = strftime_now('%d %b %Y') %}{{ 'Today ' + d + '\\n' }}")
snippet("strftime_formats", "{{ strftime_now('%Y-%m-%d %H:%M:%S %A %B %j %y %-d %%') }}")
snippet("strftime_defined", "{% if strftime_now is defined %}{% set d = strftime_now('%d %b %Y') %}{% else %}{% set d = '26 Jul 2024' %}{% endif %}{{ d }}")
snippet("tools", "{%- if tools %}{{ tools | tojson(indent=4) }}{%- endif %}{%- if custom_tools is defined %}{%- set tools = custom_tools %}{%- endif %}")
snippet("tools_none", "{{ tools is none }}{{ documents is none }}{{ tools is defined }}{{ tools }}{{ documents or 'no' }}")
snippet("break", "{% for x in [1,2,3] %}{% if x == 2 %}{% break %}{% endif %}{{ x }}{% endfor %}")
snippet("continue", "{% for x in [1,2,3] %}{% if x == 2 %}{% continue %}{% endif %}{{ x }}{% endfor %}")
snippet("namespace_reverse", "{%- set ns = namespace(last=0) %}{%- for m in messages[::-1] %}{%- set ns.last = loop.index0 %}{%- endfor %}{{ ns.last }}")
case("think_split", TC.replace("message.content", "message.content.split('</think>')[-1].lstrip('\\n')"))
case(
    "enable_thinking",
    TC.replace("assistant\\n' }}", "assistant\\n' }}{%- if enable_thinking is defined and enable_thinking is false %}{{ '<think>\\n\\n</think>\\n\\n' }}{%- endif %}"),
    kwargs=[{}, dict(enable_thinking=False), dict(enable_thinking=True)],
)
snippet("system_required", "{%- if messages[0].role != 'system' %}{{ raise_exception('a system message is required') }}{%- endif %}")
case("macro", "{%- macro turn(m) -%}{{ '<|im_start|>' + m['role'] + '\\n' + (m.get('content') or '') + '<|im_end|>\\n' }}{%- endmacro %}{% for m in messages %}{{ turn(m) }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")
case("content_parts", "{% for m in messages %}{% if m.content is string %}{{ m.content }}{% else %}{% for p in m.content %}{{ p.text }}{% endfor %}{% endif %}{% endfor %}")
snippet("tojson", "{{ messages | tojson }}{{ messages | tojson(indent=2) }}{{ {'z': 1.0, 'a': [true, none, 1e20, 0.1], 'é': \"<'&>\"} | tojson }}{{ {'b': 1, 'a': 'é'} | tojson(ensure_ascii=True, sort_keys=True, separators=(',', ':')) }}{{ [] | tojson(indent=1) }}{{ {} | tojson }}")
snippet("percent", "{{ 'a %s b %d %05.2f %%' % ('x', 7, 2.5) }}{{ '%s' % messages[0].role }}{% if messages | length % 2 == 1 %}odd{% endif %}{{ 7 % 3 * 2 }}{{ -7 % 3 }}{{ 2 * 7 % 4 }}{{ 7.5 % 2 }}{{ '%s-%s' % (messages[0]['role'] ~ 'x', 1) }}{{ 'a%s' % 'b' | upper }}")
snippet("values", "{{ none }}|{{ true }}|{{ false }}|{{ 1.0 }}|{{ missing }}|{{ [1, 'a', none] }}|{{ {'a': 1} }}|{{ 'a' ~ none ~ true ~ 1 }}|{{ true | string }}|{{ 1 / 2 }}|{{ 7 // 2 }}|{{ 2 ** 3 }}|{{ (1, 2) }}")
snippet(
    "strings",
    "{% set s = '  Some, text  ' %}{{ s.strip() }}|{{ s.lstrip() }}|{{ s.rstrip(' t') }}|{{ s.upper() }}|{{ s.title() }}|{{ s.strip().split(', ') }}|{{ s.split() }}|{{ s.split(None, 1) }}"
    "|{{ s.strip().replace('e', 'E', 1) }}|{{ s.find('t') }}|{{ s.startswith('  S') }}|{{ s.strip().endswith(('x', 'xt')) }}|{{ s.strip()[0] }}|{{ s.strip()[-4:] }}|{{ s.strip()[::-1] }}|{{ ','.join(['a', 'b']) }}"
    "|{{ s.strip().removeprefix('Some').removesuffix('xt') }}|{{ 'a.b.c'.rsplit('.', 1) }}|{{ 'a.b.c'.partition('.') }}|{{ 'a.b.c'.rpartition('.')[2] }}|{{ 'abc'.index('c') }}|{{ 'a\\tb\\x41\\u00e9\\d' }}|{{ 'a' 'b' }}|{{ '{} {x}'.format(1, x=2) }}|{{ 'ab' * 2 }}|{{ 'a' in 'cab' }}|{{ 'é'.isalpha() }}",
)
snippet(
    "filters",
    "{{ messages | map(attribute='role') | join(',') }}|{{ messages | selectattr('role', 'equalto', 'user') | list | length }}|{{ messages | rejectattr('role', 'in', ['user', 'system']) | list | count }}|{{ ['b', 'a'] | sort | first }}|{{ [1, 2, 3] | last }}"
    "|{{ {'k': 1, 'j': 2} | items | list | length }}|{% for k, v in {'k': 1, 'j': 2}.items() %}{{ k }}={{ v }};{% endfor %}|{% for k, v in {'k': 1, 'j': 2} | dictsort %}{{ k }}{% endfor %}|{{ missing | default('d') }}|{{ '' | default('d', true) }}|{{ 'a b' | capitalize }}|{{ '<' | e }}|{{ ' x ' | trim }}"
    "|{{ [3, 1] | max }}|{{ ['a', 'b', 'a'] | unique | join }}|{{ 'x\\ny' | indent(2) }}|{{ 'x' | replace('x', 'y') }}|{{ '3' | int + 1 }}|{{ 3.7 | round }}|{{ -3 | abs }}|{{ [1, 2] | sum }}|{{ ['a'] | reverse | list }}|{{ 'a%s' | format('b') }}|{{ [[1, 2]] | map('first') | list }}|{{ ['a', 'b'] | reject('equalto', 'a') | list }}|{{ '%.1f' | format(2.25) }}",
)
snippet(
    "tests",
    "{% for v in ['s', 1, 1.5, none, true, [1], {'a': 1}, missing] %}{{ v is string }}{{ v is number }}{{ v is integer }}{{ v is float }}{{ v is none }}{{ v is boolean }}{{ v is sequence }}{{ v is mapping }}{{ v is iterable }}{{ v is defined }}{{ v is true }};{% endfor %}"
    "{{ 'a' in {'a': 1} }}{{ 'x' not in [1] }}{{ 3 is odd }}{{ 4 is divisibleby 2 }}{{ messages is sequence and messages is not mapping }}{{ 'tool_calls' in messages[0] }}{{ messages[0].tool_calls is defined and messages[0].tool_calls is not none }}{{ messages[0].get('x', 'y') }}{{ messages[-1]['role'] }}{{ (messages | first).role }}{{ none.x is defined }}",
)
snippet(
    "loops",
    "{% for x in ['a', 'b', 'c'] %}{{ loop.index }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle('o', 'e') }};{% endfor %}{% for x in [] %}x{% else %}none{% endfor %}{% for x in [1, 2, 3] if x != 2 %}{{ x }}{{ loop.index }}{% endfor %}{% for a, b in [(1, 2)] %}{{ a + b }}{% endfor %}{{ range(3) | list }}{% set x %}block{% endset %}{{ x }}{% with y = 1 %}{{ y }}{% endwith %}{% filter upper %}up{% endfilter %}{% set a, b = 1, 2 %}{{ a }}{{ b }}{{ 'y' if false }}{{ dict(a=1).a }}",
)
case("whitespace", "\n  {% for m in messages %}  \n    {{ m.role }}\n   {# note #}\n  {%- if true %}  x\n  {% endif -%}  \n\n y {%+ if true %} z {% endif +%}\n {% endfor %}\n\n", )

path = HERE / "expected.json"
path.write_text(json.dumps(dict(now=NOW.isoformat(), cases=cases), ensure_ascii=False, indent=0) + "\n")
print(path, path.stat().st_size)
