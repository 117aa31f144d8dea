"""The document of the API (GET /v1/openapi.json), and whether an answer is what it says."""
import datetime
import hashlib
import json
import re
import urllib.parse

import jsonschema

FORMATS = jsonschema.FormatChecker(formats=())


@FORMATS.checks('date-time', raises=ValueError)
def is_moment(text):
    return not isinstance(text, str) or bool(datetime.datetime.fromisoformat(text.replace('Z', '+00:00')))


class Contract:
    def __init__(self, document):
        self.document = document
        self.components = document['components']
        self.rows = [(re.compile(re.sub(r'\{[^}]*\}', '[^/]+', path)), path) for path in document['paths']]
        self.rows.sort(key=lambda row: '{' in row[1])  # fixed words come first
        self.validators = {}

    def operations(self):
        """(method, path, operation) of all."""
        for path, item in self.document['paths'].items():
            for method, operation in item.items():
                yield method, path, operation

    def find(self, method, path):
        """(path of the document, operation) of a request; None: it has none."""
        path = path.split('?')[0]
        for pattern, name in self.rows:
            if pattern.fullmatch(path) and method.lower() in self.document['paths'][name]:
                return name, self.document['paths'][name][method.lower()]
        return None

    def errors(self, schema, value):
        """What of VALUE does not fit a schema of the document."""
        key = json.dumps(schema, sort_keys=True)
        if key not in self.validators:
            self.validators[key] = jsonschema.Draft202012Validator({**schema, 'components': self.components},
                                                                   format_checker=FORMATS)
        return [f'{error.json_path}: {error.message[:300]}' for error in self.validators[key].iter_errors(value)]

    def deref(self, thing):
        while '$ref' in thing:
            place = self.document
            for part in thing['$ref'].removeprefix('#/').split('/'):
                place = place[part]
            thing = place
        return thing

    def check(self, method, path, status, kind, text, headers=None):
        """An answer that is another one than the document promises is an AssertionError."""
        found = self.find(method, path)
        assert found, f'{method} {path} is not in the document'
        name, operation = found
        where = f'{method} {name} -> {status}'
        kind = (kind or '').split(';')[0]
        if str(status) not in operation['responses']:
            assert status >= 400, f'{where}: the document knows {sorted(operation["responses"])}'
            response = self.components['responses']['problem']
        else:
            response = self.deref(operation['responses'][str(status)])
        if 'content' not in response:
            assert not text, f'{where}: there was to be no content, and there is {text[:300]!r}'
            return
        content = response['content'].get(kind) or response['content'].get('*/*')
        assert content, f'{where}: {kind!r} is none of {sorted(response["content"])}'
        if kind.endswith('json'):
            values = [json.loads(line) for line in text.splitlines()] if 'ndjson' in kind else [json.loads(text)]
            for value in values:
                errors = self.errors(content['schema'], value)
                assert not errors, f'{where}: {errors[:5]} in {json.dumps(value)[:1500]}'
        for header, row in response.get('headers', {}).items():
            assert headers is None or headers.get(header), f'{where}: no {header}'


def quoted(path, **segments):
    for name, value in segments.items():
        path = path.replace('{' + name + '}', urllib.parse.quote(str(value), safe=''))
    return path


def cursor_at(route, plain):
    """The cursor for a place of a listing that the server did not tell: checked, and yet anybody can make one."""
    return hashlib.sha256(f'{route}\n{plain}'.encode()).hexdigest()[:8] + plain
