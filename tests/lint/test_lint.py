"""The lint finds what it is there for."""

import os

import pytest

from lint import CONTEXT, GROUND, INNER, NAME_FILES, Lint

LONG = "int f(void)\n{\n" + "    g();\n" * 90 + "    return 0;\n}\n"
WINDING = "int f(int a)\n{\n" + "    if (a && g())\n        return 1;\n" * 9 + "    return 0;\n}\n"

BAD = {
    "a long function": ("store/a.c", LONG, "94 lines"),
    "a winding function": ("store/a.c", WINDING, "19 ways"),
    "a long file": ("store/a.c", "int a;\n" * 601, "601 lines"),
    "a banned function": ("store/a.c", "void f(char *a)\n{\n    strcpy(a, b);\n}\n", "strcpy is banned"),
    "libpq outside its engine": ("store/a.c", "#include <libpq-fe.h>\n", "libpq-fe.h"),
    "LMDB in the contract": ("store/a.c", "#include <lmdb.h>\n", "lmdb.h"),
    "LMDB outside the store": ("acme/a.c", "#include <lmdb.h>\n", "lmdb.h"),
    "h2o outside its room": ("gateway/issue/a.c", "#include <h2o.h>\n", "h2o.h"),
    "curl in the store": ("store/a.c", "#include <curl/curl.h>\n", "curl"),
    "an arrow the wrong way": ("store/a.c", '#include "acme/acme.h"\n', "may not include"),
    "Sectigo in the ACME room": ("acme/a.c", '#include "sectigo/sectigo.h"\n', "may not include"),
    "the sandbox in the daemon": ("gateway/a.c", '#include "sectigo/sandbox/order.h"\n', "program of its own"),
    "an arrow up inside the gateway": ("gateway/issue/money/a.c", '#include "gateway/issue/life/step.h"\n',
                                       "gateway/issue/money may not include"),
    "the ground that includes a room": ("gateway/log.c", '#include "gateway/config/config.h"\n', "gateway/log may not"),
    "the top from below": ("gateway/operate/a.c", '#include "gateway/public.h"\n', "nobody includes"),
    "a room that nobody named": ("gateway/attic/a.c", '#include "gateway/log.h"\n', "in no room"),
    "a lease beside the runner's": ("gateway/issue/money/a.c", "int f(void)\n{\n    scheduler_release(a);\n    return 0;\n}\n",
                                    "a row of"),
    "a change of thread beside the runner's": ("gateway/issue/money/a.c", "static int f(void)\n{\n    return egress_post(a);\n}\n",
                                               "a row of"),
    "an alarm that does not say what to do": ("gateway/a.c", 'void f(void)\n{\n    log_error("it is bad", "a", b);\n}\n',
                                             "says what to do"),
    "an object's size with brackets": ("store/a.c", "void f(int *a)\n{\n    g(sizeof(*a));\n}\n", "sizeof x"),
    "dead code": ("store/a.c", "#if" + " 0\n#endif\n", "dead code"),
    "something left for later": ("store/a.c", "/* TO" + "DO: later */\n", "unfinished"),
    "a function that nobody calls": ("store/a.c", "int g(void)\n{\n    return 0;\n}\n", "no program calls g"),
    "a function that only its own file calls": ("store/a.c", "int g(void)\n{\n    return 0;\n}\nint f(void)\n{\n"
                                                "    return g();\n}\n", "no other file calls g: static"),
    "a long Python function": ("tests/a.py", "def f():\n" + "    g()\n" * 90, "91 lines"),
}

GOOD = {
    "a long function with a cause": ("store/a.c", "/* long: a table of cases */\n" + LONG),
    "a banned name in a text": ("store/a.c", 'const char *a = "strcpy(x)"; /* sprintf(y) */\n'),
    "an alarm that says what to do": ("gateway/a.c", 'void f(void)\n{\n    g(e, LOG_LEVEL_ERROR,\n      "it is bad; "\n'
                                      '      "see to the disk", b);\n    log_info("it is good");\n}\n'),
    "a member of a banned name": ("store/a.c", "void f(struct s *s)\n{\n    s->system(1);\n}\n"),
    "sizes": ("store/a.c", "void f(int *a)\n{\n    g(sizeof *a, sizeof(struct s), sizeof(uint8_t));\n}\n"),
    "LMDB in its engine": ("store/lmdb/a.c", "#include <lmdb.h>\n"),
    "arrows the right way": ("gateway/a.c", '#include "acme/acme.h"\n#include "sectigo/sectigo.h"\n'),
    "arrows down inside the gateway": ("gateway/issue/life/a.c", '#include "gateway/issue/life/b.h"\n'
                                       '#include "gateway/issue/money/refund.h"\n#include "gateway/log.h"\n'),
    "what the issuer's rooms share": ("gateway/issue/money/a.c", '#include "gateway/issue/context.h"\n'),
    "the top": ("gateway/a.c", '#include "gateway/issue/issuer.h"\n#include "gateway/operate/admin.h"\n'),
    "a banned function in a test": ("tests/a.c", "void f(char *a)\n{\n    strcpy(a, b);\n}\n"),
    "curl in a test": ("tests/a.c", "#include <curl/curl.h>\n"),
}


MAIN = "int main(void)\n{\n    return f();\n}\n"


def _lint(root, path, text, **more):
    """more: files of tests/, by name without ending."""
    os.makedirs(root / os.path.dirname(path), exist_ok=True)
    (root / path).write_text(text)
    (root / "gateway").mkdir(exist_ok=True)
    (root / "gateway/main.c").write_text(MAIN)
    for name, content in more.items():
        (root / "tests").mkdir(exist_ok=True)
        (root / f"tests/{name}.c").write_text(content)
    for room in ("store", "acme", "sectigo", "gateway", "tests", "deploy"):
        if (root / room).is_dir():
            (root / room / "README.md").write_text("here\n")
    lint = Lint(str(root))
    lint.run()
    return lint.findings


@pytest.mark.parametrize("what", BAD)
def test_finds(tmp_path, what):
    path, text, word = BAD[what]
    findings = _lint(tmp_path, path, text)
    assert len(findings) == 1 and word in findings[0], findings


@pytest.mark.parametrize("what", GOOD)
def test_lets_pass(tmp_path, what):
    assert _lint(tmp_path, *GOOD[what]) == []


def test_wants_a_readme(tmp_path):
    (tmp_path / "store").mkdir()
    lint = Lint(str(tmp_path))
    lint.run()
    assert len(lint.findings) == 1 and "README" in lint.findings[0]


def test_inner_arrows_go_down():
    known = set(GROUND + CONTEXT)
    for room, others in INNER.items():
        assert set(others) <= known, f"{room} names a room that stands below it in the list"
        known.add(room)


def test_a_function_that_only_tests_call(tmp_path):
    text = "int g(void)\n{\n    return 0;\n}\n"
    finding, = _lint(tmp_path, "store/a.c", text, test_a="int main(void)\n{\n    return g();\n}\n")
    assert "no program calls g, only tests do" in finding
    text += "int f(void)\n{\n    return g();\n}\n"
    assert _lint(tmp_path, "store/a.c", text, test_a="int main(void)\n{\n    return g();\n}\n") == []


def test_a_name_of_many_functions(tmp_path):
    own = "static int g(void)\n{\n    return 0;\n}\n"
    for name in range(NAME_FILES):
        assert _lint(tmp_path, f"store/{name}.c", own) == []
    finding, = _lint(tmp_path, "acme/d.c", own)
    assert f"g is a function of {NAME_FILES + 1} files" in finding and "acme/d.c, store/0.c" in finding
