"""Moving from Exchange Online: what its shell prints becomes a configuration that the server takes."""
import json
import pathlib
import subprocess

import pytest
import yaml

from sealpost import BINARY

DATA = pathlib.Path(__file__).resolve().parents[2] / 'src' / 'core' / 'exchange' / 'corpus_exchange'
HYBRID = [DATA / f'{name}.json' for name in ('inbound', 'outbound', 'domains')]


def convert(*arguments, check=True, **how):
    """No server is needed."""
    done = subprocess.run([BINARY, 'import', 'exchange', *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, **how)
    assert not check or done.returncode == 0, done.stderr
    return done


@pytest.mark.sanitized
@pytest.mark.parametrize('files', [HYBRID, [DATA / 'unclear.json']])
def test_what_is_proposed_is_taken_by_the_server(tmp_path, instances, authority, files):
    ours = instances(tmp_path / 'ours', 'mx.contoso.com', [('mx', authority.issue('mx.contoso.com'))]).start()
    proposal = tmp_path / 'proposal.yaml'
    shown = convert(*files, '--yaml', proposal).stdout
    ours.cli('apply', proposal, '--yes')
    exported = yaml.safe_load(ours.cli('export').stdout)
    assert [c['name'] for c in exported['connectors']] == [
        c['name'] for c in yaml.safe_load(proposal.read_text())['connectors']]
    # What is asked stands in the report and as a comment beside the configuration.
    asked = [line.strip() for line in shown.split('To be decided:\n')[1].split('\n\n')[0].splitlines()]
    assert asked and all(f'# - {question}\n' in proposal.read_text() for question in asked)


def test_every_property_has_its_fate():
    given = [o for f in HYBRID for o in json.loads(f.read_text())]
    report = json.loads(convert(*HYBRID, '--json').stdout)
    assert len(report['objects']) == len(given)
    for kind, key in (('inbound connector', 'SenderDomains'), ('outbound connector', 'RecipientDomains'),
                      ('accepted domain', 'DomainName')):
        told = [[p['property'] for p in o['properties']] for o in report['objects'] if o['kind'] == kind]
        assert told == [list(o) for o in given if key in o]
    assert {p['fate'] for o in report['objects'] for p in o['properties']} <= {
        'taken', 'merged', 'not needed', 'not supported', 'needs a decision'}


def test_the_proposal_alone_on_standard_output():
    done = convert(*HYBRID, '--yaml', '-', '--organisation', 'fabrikam')
    assert yaml.safe_load(done.stdout)['organisations'] == [{'name': 'fabrikam'}]
    assert 'inbound connector "From Fabrikam Bank" -> connector fabrikam/fabrikam-bank' in done.stderr


def test_one_object_and_standard_input():
    one = json.loads((DATA / 'inbound.json').read_text())[1]
    done = convert('-', '--organisation', 'contoso', '--yaml', '-', input=json.dumps(one))
    connector = yaml.safe_load(done.stdout)['connectors'][0]
    assert connector['inbound']['sender_domains'] == ['fabrikam.com', '*.fabrikam.com']


@pytest.mark.parametrize('text, said', [('{', 'line 1'), ('{"Name": "x"}', 'neither'), ('[]', 'no object')])
def test_what_is_none_is_refused(tmp_path, text, said):
    path = tmp_path / 'x.json'
    path.write_text(text)
    done = convert(path, check=False)
    assert done.returncode and said in done.stderr and not done.stdout
    assert convert(tmp_path / 'missing.json', check=False).returncode


def test_without_domains_the_organisation_must_be_named():
    done = convert(DATA / 'inbound.json', check=False)
    assert done.returncode and 'which organisation' in done.stderr
