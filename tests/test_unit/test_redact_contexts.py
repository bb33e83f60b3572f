"""Random secrets of letters and digits in the contexts that texts have them in."""
import json
import random
import string

import pytest
from six.moves.urllib.parse import quote

from tests.internals import scrubber

#: Percent of the secrets that may show in each context.
LIMIT = 1
SAMPLES = 200
LENGTHS = (8, 10, 12, 16, 20, 24, 32, 40)
NAMES = ("password", "db_password", "api_key", "token", "client_secret", "auth_token", "DB_PWD",
         "secretKey", "access_token", "private_key")


def escape(text):
    """The text as HTML has it: html.escape is none of 2.7's."""
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), ('"', "&quot;"), ("'", "&#39;")):
        text = text.replace(sign, entity)
    return text


CONTEXTS = {
    "equals": "{n}={v}", "equals with blanks": "{n} = {v}",
    "sentence": "login failed: user=app {n}={v} host=db",
    "sentence of a secret": "the {n} is {v}, sorry",
    "double quotes": '{n}="{v}"', "single quotes": "{n}='{v}'", "backticks": "{n}=`{v}`",
    "shell quotes": "{n}=$'{v}'", "colon": "{n}: {v}", "narrow colon": "{n}:{v}",
    "PHP": "'{n}' => '{v}'", "Go": '{n} := "{v}"', "HCL": '{n} "{v}"', "Ruby": ':{n}=>"{v}"',
    "JSON": lambda n, v: json.dumps({"user": "app", n: v}),
    "JSON cut": lambda n, v: '{"user": "app", "%s": "%s", "x' % (n, v),
    "JSON in a sentence": lambda n, v: "sent %s to it" % json.dumps({"a": 1, n: v}),
    "JSON in JSON": lambda n, v: json.dumps({"body": json.dumps({n: v})}),
    "JSON in JSON in a sentence": lambda n, v: "got %s" % json.dumps(
        {"body": json.dumps({n: v, "b": 2})}),
    "JSON three times": lambda n, v: "x " + json.dumps(json.dumps(json.dumps({n: v, "c": 1}))),
    "repr of a dict": "bad {{'a': 1, '{n}': '{v}', 'z': 2}}",
    "repr of a list": "bad {{'db': {{'{n}': ['{v}', 'x']}}, 'z': 2}}",
    "repr of pairs": "[('user', 'bob'), ('{n}', '{v}')]",
    "repr of texts of 2.7": "{{u'{n}': u'{v}', u'b': 1}}", "repr of bytes": "{{'{n}': b'{v}'}}",
    "dataclass": "Settings(host='h', {n}='{v}', debug=False)",
    "subscript": "cfg['{n}'] = '{v}'",
    "YAML": "db:\n  host: h\n  {n}: {v}\n  port: 1\n", "YAML quoted": 'db:\n  {n}: "{v}"\n',
    "YAML list": "{n}s:\n  - x\n  - {v}\nport: 1\n", "YAML block": "{n}: |\n  {v}\nport: 1\n",
    "YAML flow": "{{{n}: {v}, port: 1}}",
    "repr of YAML": lambda n, v: repr(str("db:\n  %s: %s\n  port: 1\n" % (n, v))),
    "INI": "[db]\nhost = h\n{n} = {v}\nport = 1\n",
    "shell": "export A=1\nexport {n}={v}\nB=2\n",
    "lines of Windows": "host=pg\r\n{n}={v}\r\nport=1\r\n", "properties": "a.b.{n}={v}\nport=1",
    "XML": "<db><{n}>{v}</{n}><port>1</port></db>", "XML attribute": '<c host="h" {n}="{v}"/>',
    "XML property": '<property name="x.{n}">{v}</property>',
    "XML CDATA": "<{n}><![CDATA[{v}]]></{n}>",
    "HTML of JSON": lambda n, v: "<pre>%s</pre>" % escape(json.dumps({n: v})),
    "HTML": "<td>{n}=&quot;{v}&quot;</td>",
    "HTML of repr": "<td>{{&#39;{n}&#39;: &#39;{v}&#39;}}</td>",
    "query": "https://h.example/x?page=2&{n}={v}&z=1", "form": "user[{n}]={v}&x=1",
    "escaped query": lambda n, v: "next=" + quote("https://h/x?%s=%s&p=2" % (n, v), safe=""),
    "URL": "postgres://app:{v}@db.internal:5432/app",
    "URL in a URL": lambda n, v: "next=" + quote("https://app:%s@host/" % v, safe=""),
    "URL in a sentence": "cannot reach amqp://u:{v}@mq:5672//: refused",
    "user of a URL": "https://{v}@host/x.git", "Oracle": "scott/{v}@db:1521/XE",
    "header": "Authorization: Bearer {v}", "header of a key": "X-Api-Key: {v}",
    "headers of a dict": "headers {{'Authorization': 'Bearer {v}', 'Accept': '*/*'}} refused",
    "headers in lines": "> Authorization: Basic {v}\n> Host: h",
    "cookie": "Cookie: theme=dark; sessionid={v}",
    "header option": "curl -H 'Authorization: token {v}' https://h",
    "option": "app --{n} {v} --port 80", "option with a sign": "app --{n}={v} -v",
    "repr of a command": "Command '['app', '--{n}', '{v}', 'x']' returned non-zero exit status 1.",
    "mysql": "mysql -uroot -p{v} shop", "curl": "curl -u ann:{v} https://h/",
    "docker": "docker run -e {n}={v} img", "sshpass": "sshpass -p {v} ssh h",
    "fields": "Server=h;Uid=a;{n}={v};Port=1", "libpq": "host=db user=app {n}='{v}' dbname=x",
    "StackExchange.Redis": "h:6379,{n}={v},ssl=True", "colours": "\x1b[1m{n}: {v}\x1b[0m end",
    "logfmt": 'level=info msg="x" {n}={v} dur=1ms',
    "TOML": '[db]\n{n} = "{v}"\nport = 1\n',
    "compose": 'environment:\n  - A=1\n  - {n}={v}\n',
    "Kubernetes env": 'env:\n- name: {n}\n  value: {v}\n- name: B\n',
    "systemd": 'Environment="{n}={v}" "B=2"',
    "gRPC": 'metadata {{ key: "{n}" value: "{v}" }}',
    "multipart": 'Content-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n--x',
    "traceback": '  File "a.py", line 3, in f\n    {n} = "{v}"\nKeyError: 3',
    "Go struct": '{{Host:h {n}:{v} Port:1}}',
    "Go map": 'map[host:h {n}:{v} port:1]',
    "Java": "Config{{host='h', {n}='{v}', port=1}}",
    "Java plain": 'Config(host=h, {n}={v}, port=1)',
    "Ruby new": '{{host: "h", {n}: "{v}"}}',
    "Windows option": 'app.exe /{n}:{v} /x',
    "PowerShell": 'Connect -{n} {v} -Port 1',
    "Terraform": '  + {n} = "{v}"',
    "pprint": "{{'a': 1,\n '{n}': '{v}',\n 'b': 2}}",
    "Namespace": "Namespace(a=1, {n}='{v}')",
    "semicolons": 'a:1;{n}:{v};b:2',
    "pipe": 'a=1|{n}={v}|b=2',
    "LDIF": 'dn: cn=a\n{n}:: {v}\ncn: a',
    "brackets": '[{n}={v}]',
    "parens": '({n}={v})',
    "tab": '{n}\t{v}',
    "set": "SET {n} = '{v}'",
    "env list": '["A=1", "{n}={v}"]',
    "env in repr": "environ({{'A': '1', '{n}': '{v}'}})",
    "kv objects": '[{{"name": "{n}", "value": "{v}"}}]',
    "KeyValue": '{{"Key": "{n}", "Value": "{v}"}}',
    "bytes of JSON": 'b\'{{"{n}": "{v}"}}\'',
    "JS": "const {n} = '{v}';",
    "object JS": "{{ {n}: '{v}', port: 1 }}",
    "camel XML": '<add key="{n}" value="{v}" />',
    "escaped newline": 'a=1\\n{n}={v}\\nb=2',
    "URL fragment": 'https://h/cb#{n}={v}&x=1',
    "double encoded": 'q=%257B%2522{n}%2522%253A%2522{v}%2522%257D',
    "encoded JSON": 'q=%7B%22{n}%22%3A%22{v}%22%7D',
    "matrix": '/path;{n}={v}/x',
    "table": '| {n} | {v} |',
    "aligned": '{n}        = {v}',
    "colon blank": '{n} : {v}',
    "arrow": '{n} -> {v}',
    "SQL": "ALTER USER a WITH PASSWORD '{v}'",
    "netrc": 'machine h\n  login a\n  password {v}\n',
    "http header lines": 'GET / HTTP/1.1\r\nX-Auth-Token: {v}\r\nHost: h\r\n\r\n',
    "kwarg": "connect(host='h', {n}='{v}')",
    "%r": 'refused: {n}={v!r}',
    "jdbc": 'jdbc:postgresql://h/db?user=a&{n}={v}',
    "libpq uri": 'postgresql:///db?host=h&{n}={v}',
    "curl data": 'curl -d \'{{"{n}":"{v}"}}\' h',
    "curl form": 'curl -F {n}={v} h',
    "docker secret": '--env {n}={v}',
    "long option quoted": "--{n} '{v}'",
    "java -D": '-D{n}={v}',
    "lines": "line one\nline two {n}={v}\nline three",
}


def secrets(count):
    """Random secrets with a letter and a digit at least, always the same."""
    chance = random.Random(18)
    while count:
        secret = "".join(chance.choice(string.ascii_letters + string.digits)
                         for _ in range(chance.choice(LENGTHS)))
        if not secret.isalpha() and not secret.isdigit():
            count -= 1
            yield chance.choice(NAMES), secret


class TestContext(object):
    @pytest.mark.parametrize("context", sorted(CONTEXTS))
    def test_secrets_are_masked(self, context):
        make, shown, count = CONTEXTS[context], [], 0
        clean_dump = scrubber.Redactor().clean
        for name, secret in secrets(SAMPLES):
            if context == "sentence of a secret" and len(secret) < 12:
                continue  # too short to differ from a word that follows
            text = make(name, secret) if callable(make) else make.format(n=name, v=secret)
            count += 1
            for clean in (scrubber.clean_output, clean_dump):
                result = clean(u"" + text)
                if secret in result or secret[2:] in result:
                    shown.append(text)
        print("%s: %d of %d secrets show, as %s" % (context, len(shown), count, shown[:1]))
        assert len(shown) <= LIMIT / 100.0 * count

    def test_there_are_many(self):
        assert len(CONTEXTS) >= 120
