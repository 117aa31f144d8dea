"""The command line as people and scripts use it: what it says, how it ends, what it leaves alone."""
import json
import os
import pathlib
import pwd
import re
import shutil
import stat
import subprocess
import textwrap

import pytest
import yaml

from sealpost import BINARY
from waiting import wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]
FAILED, USAGE, UNREACHABLE = 1, 2, 3

BEFORE = textwrap.dedent('''
    organisations:
      - name: contoso
        comment: from before
    domains:
      - name: contoso.example
        organisation: contoso
        delivery: "maildir:{mail}/{{local}}"
''')


@pytest.fixture(scope='module')
def server(tmp_path_factory, authority):
    from sealpost import Sealpost
    sealpost = Sealpost(tmp_path_factory.mktemp('cli') / 'ours', 'mx.contoso.example',
                        [('mx', authority.issue('mx.contoso.example'))]).start()
    yield sealpost
    sealpost.close()


@pytest.fixture
def ours(server):
    server.apply(BEFORE.format(mail=server.mail))
    return server


def run(*arguments, **named):
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=60, **named)


def apply(sealpost, text, *flags):
    path = sealpost.directory / 'given.yaml'
    path.write_text(text)
    return sealpost.cli('apply', path, *flags, check=False)


# ---- apply ------------------------------------------------------------------------------------------

ORGANISATION = 'organisations: [{name: contoso}]\n'
CONNECTOR = ORGANISATION + textwrap.dedent('''\
    connectors:
      - name: fabrikam
        organisation: contoso
    ''')

BAD = {
    'not YAML': ('organisations: [\n', ['line 2, column 1']),
    'a tab': ('organisations:\n\t- name: x\n', ['line 2, column 1']),
    'an alias bomb': ('a: &a [1,1]\nb: &b [*a,*a]\n', ['line 1']),
    'a text': ('just text\n', ['properties of a configuration', 'just text']),
    'empty': ('', ['empty', 'organisations: []']),
    'only a comment': ('# nothing\n', ['empty', 'organisations: []']),
    'a number for a list': ('organisations: 5\n', ['line 1', 'organisations', 'expected a list', '5']),
    'a key twice': ('organisations: []\norganisations: []\n', ['line 2', '"organisations" stands twice']),
    'an unknown kind': ('organizations: []\n', ['line 1', 'organizations', 'no such property']),
    'an unknown property': (ORGANISATION + 'domains:\n  - name: a.example\n    organization: contoso\n',
                            ['line 4', 'domains[0].organization', 'no such property']),
    'a missing property': ('organisations: [{comment: x}]\n', ['line 1', 'organisations[0].name', 'is missing']),
    'an unknown organisation': ('domains: [{name: a.example, organisation: nobody}]\n',
                                ['domain a.example', 'organisation', 'nobody']),
    'a connector of nobody': ('connectors: [{name: x, organisation: nobody, inbound: {sender_domains: [a.example]}}]\n',
                              ['connector nobody/x', 'organisation']),
    'a bad prefix': (CONNECTOR + '    type: on-premises\n    inbound:\n      addresses:\n'
                     '        - 192.0.2.0/24\n        - 192.0.2.0/33\n',
                     ['line 9', 'connectors[0].inbound.addresses[1]', '192.0.2.0/24', '192.0.2.0/33']),
    'a host name for an address': (CONNECTOR + '    type: on-premises\n    inbound: {addresses: [mx.example]}\n',
                                   ['line 6', 'addresses[0]', 'mx.example']),
    'two domains the same': (ORGANISATION + 'domains:\n  - {name: a.example, organisation: contoso}\n'
                             '  - {name: A.Example, organisation: contoso}\n', ['domain a.example', 'stands twice']),
    'two domains the same as IDN': (ORGANISATION + 'domains:\n  - {name: bücher.example, organisation: contoso}\n'
                                    '  - {name: xn--bcher-kva.example, organisation: contoso}\n', ['stands twice']),
    'a wildcard inside': (CONNECTOR + "    inbound: {sender_domains: ['a.*.example']}\n",
                          ['line 5', 'connectors[0].inbound.sender_domains[0]', 'a.*.example']),
    'two wildcards': (CONNECTOR + "    inbound: {sender_domains: ['*.*.example']}\n", ['sender_domains[0]']),
    'a wildcard as domain': (ORGANISATION + "domains: [{name: '*.a.example', organisation: contoso}]\n",
                             ['line 2', 'domains[0].name', '*.a.example']),
    'a wildcard in a name': (CONNECTOR + "    inbound: {sender_domains: [x.example], certificate_name: 'm*.example'}\n",
                             ['line 5', 'connectors[0].inbound.certificate_name', 'm*.example']),
    'no PEM': (CONNECTOR + '    trust: fabrikam-ca.pem\n    inbound: {sender_domains: [x.example]}\n',
               ['line 5', 'connectors[0].trust', 'PEM', 'fabrikam-ca.pem']),
    'bad base64': (CONNECTOR + '    trust: |\n      -----BEGIN CERTIFICATE-----\n      %%%%\n'
                   '      -----END CERTIFICATE-----\n    inbound: {sender_domains: [x.example]}\n',
                   ['connectors[0].trust', 'base64', '%%%%']),
    'no certificate in the PEM': (CONNECTOR + '    trust: |\n      -----BEGIN CERTIFICATE-----\n      AAAA\n'
                                  '      -----END CERTIFICATE-----\n    inbound: {sender_domains: [x.example]}\n',
                                  ['connectors[0].trust', 'certificate 1 is malformed']),
    'a private key as trust': (CONNECTOR + '    trust: |\n      -----BEGIN PRIVATE KEY-----\n      AAAA\n'
                               '      -----END PRIVATE KEY-----\n    inbound: {sender_domains: [x.example]}\n',
                               ['connectors[0].trust', 'private key']),
    'a port too high': (CONNECTOR + "    outbound: {recipient_domains: [x.example], smart_hosts: ['host:99999']}\n",
                        ['line 5', 'connectors[0].outbound.smart_hosts[0]', 'host:99999']),
    'a name without level name': (CONNECTOR + '    outbound: {recipient_domains: [x.example], tls: encrypt, '
                                  'tls_domain: mx.x.example}\n', ['line 5', 'tls_domain', 'encrypt']),
    'an unknown level': (CONNECTOR + '    outbound: {recipient_domains: [x.example], tls: always}\n',
                         ['line 5', 'connectors[0].outbound.tls', 'none, encrypt, chain, name', 'always']),
    'a connector for nothing': (CONNECTOR, ['connectors[0]', 'inbound', 'outbound', 'missing']),
    'restricted without a name': (CONNECTOR + '    inbound: {sender_domains: [x.example], '
                                  'restrict_to_certificate: true}\n', ['line 5', 'certificate_name', 'missing']),
    'an unknown delivery': (ORGANISATION + "domains: [{name: a.example, organisation: contoso, delivery: 'nfs:/x'}]\n",
                            ['line 2', 'domains[0].delivery', 'maildir:', 'lmtp:', 'nfs:/x']),
    'a delivery that climbs': (ORGANISATION + 'domains: [{name: a.example, organisation: contoso, '
                               "delivery: 'maildir:/srv/../etc/{local}'}]\n", ['line 2', 'domains[0].delivery']),
    'a number out of range': (CONNECTOR + '    outbound: {recipient_domains: [x.example], cost: 1000}\n',
                              ['line 5', 'connectors[0].outbound.cost', '1 to 100', '1000']),
    'a comment too long': (f'organisations: [{{name: contoso, comment: {"x" * 2000}}}]\n',
                           ['line 1', 'organisations[0].comment', 'longer']),
}


@pytest.mark.parametrize('case', BAD)
def test_bad_input_is_named_and_changes_nothing(ours, case):
    text, words = BAD[case]
    before, generation = ours.cli('export').stdout, ours.json('apply', ours.directory / 'config.yaml', '--dry-run')
    refused = apply(ours, text, '--yes')
    assert refused.returncode == FAILED, refused.stdout
    assert refused.stderr.startswith('sealpost: ') and refused.stderr.count('\n') == 1
    assert refused.stdout == ''
    for word in words:
        assert word in refused.stderr, refused.stderr
    assert ours.cli('export').stdout == before
    assert ours.json('apply', ours.directory / 'config.yaml', '--dry-run') == generation


def test_a_file_that_is_not_there_is_named(ours):
    refused = ours.cli('apply', '/nowhere/x.yaml', check=False)
    assert refused.returncode == FAILED and '/nowhere/x.yaml: No such file or directory' in refused.stderr


def test_a_dry_run_shows_exactly_what_would_change(ours):
    before = ours.cli('export').stdout
    shown = apply(ours, textwrap.dedent('''
        organisations:
          - name: contoso
            minimum_tls: encrypt
        domains:
          - name: contoso.net
            organisation: contoso
        '''), '--dry-run')
    assert shown.returncode == 0
    assert shown.stdout == textwrap.dedent('''\
        - domain contoso.example
        ~ organisation contoso
            comment: from before -> (none)
            minimum_tls: none -> encrypt
        + domain contoso.net
            name: contoso.net
            organisation: contoso
        ''')
    assert ours.cli('export').stdout == before


def test_what_is_exported_applies_without_difference(ours, authority):
    apply(ours, yaml.safe_dump({
        'organisations': [{'name': 'contoso', 'comment': 'quotes " and \\ and: #', 'minimum_tls': 'encrypt',
                           'expiry': '36h', 'certificate': 'mx'}, {'name': 'empty'}],
        'domains': [{'name': 'bücher.example', 'organisation': 'contoso', 'subdomains': True,
                     'type': 'internal-relay'}],
        'connectors': [
            {'name': 'fabrikam', 'organisation': 'contoso', 'trust': authority.pem, 'enabled': False,
             'inbound': {'sender_domains': ['fabrikam.example', '*.fabrikam.example'],
                         'certificate_name': '*.fabrikam.example', 'restrict_to_certificate': True},
             'outbound': {'recipient_domains': ['*'], 'smart_hosts': ['[2001:db8::1]:2525', 'mx.example'],
                          'tls': 'name', 'tls_domain': '*.fabrikam.example', 'cost': 7}},
            {'name': 'own', 'organisation': 'contoso', 'type': 'on-premises',
             'inbound': {'addresses': ['192.0.2.0/24', '2001:db8::/32'], 'require_tls': False}}],
    }, allow_unicode=True), '--yes')
    exported = ours.cli('export').stdout
    assert yaml.safe_load(exported)['connectors'][0]['trust'].strip() == authority.pem.strip()
    again = apply(ours, exported)
    assert again.returncode == 0 and again.stdout.startswith('Nothing changes.'), again.stdout
    piped = ours.cli('apply', '-', '--dry-run', input=exported)
    assert piped.stdout == 'Nothing changes.\n'
    as_json = ours.cli('export', '--json').stdout  # JSON is YAML
    assert apply(ours, as_json, '--dry-run').stdout == 'Nothing changes.\n'


def test_an_empty_configuration_exports_and_applies(ours):
    assert apply(ours, 'organisations: []\n', '--yes').returncode == 0
    exported = ours.cli('export').stdout
    assert apply(ours, exported).returncode == 0, exported
    assert yaml.safe_load(exported) == {} or not any(yaml.safe_load(exported).values())


# ---- single objects ---------------------------------------------------------------------------------


def test_the_life_of_an_organisation(ours):
    assert '+ organisation fabrikam' in ours.cli('org', 'add', 'fabrikam', '--minimum-tls=chain').stdout
    assert ours.json('org', 'show', 'fabrikam')['minimum_tls'] == 'chain'
    assert 'minimum_tls: chain -> none' in ours.cli('org', 'set', 'fabrikam', '--minimum-tls=').stdout
    again = ours.cli('org', 'add', 'fabrikam', check=False)
    assert again.returncode == FAILED and 'organisation fabrikam' in again.stderr and 'already' in again.stderr
    assert [o['name'] for o in ours.json('org', 'list')] == ['contoso', 'fabrikam']
    assert '- organisation fabrikam' in ours.cli('org', 'remove', 'fabrikam', '--yes').stdout
    gone = ours.cli('org', 'show', 'fabrikam', check=False)
    assert gone.returncode == FAILED and 'there is no organisation fabrikam' in gone.stderr
    used = ours.cli('org', 'remove', 'contoso', '--yes', check=False)
    assert used.returncode == FAILED and 'domain contoso.example' in used.stderr


def test_the_life_of_a_domain(ours):
    ours.cli('domain', 'add', 'contoso.net', '--organisation=contoso', '--delivery=lmtp:unix:/run/lmtp')
    ours.cli('domain', 'set', 'CONTOSO.net', '--subdomains')
    shown = ours.json('domain', 'show', 'contoso.net')
    assert shown['subdomains'] is True and shown['delivery'] == 'lmtp:unix:/run/lmtp'
    assert yaml.safe_load(ours.cli('domain', 'show', 'contoso.net').stdout)['name'] == 'contoso.net'
    assert 'contoso.net' in ours.cli('domain', 'list').stdout
    dry = ours.cli('domain', 'remove', 'contoso.net', '--dry-run')
    assert '- domain contoso.net' in dry.stdout and ours.json('domain', 'show', 'contoso.net')
    ours.cli('domain', 'remove', 'contoso.net', '--yes')
    assert [d['name'] for d in ours.json('domain', 'list')] == ['contoso.example']


def test_the_life_of_a_connector(ours, authority):
    anchor = ours.directory / 'anchor.pem'
    anchor.write_text(authority.pem)
    ours.cli('connector', 'add', 'fabrikam', '--organisation=contoso', f'--trust-file={anchor}',
             '--inbound.sender-domains=fabrikam.example,*.fabrikam.example',
             '--inbound.certificate-name=mx.fabrikam.example', '--inbound.restrict-to-certificate=true',
             '--outbound.recipient-domains=fabrikam.example', '--outbound.tls=name')
    shown = ours.json('connector', 'show', 'contoso/fabrikam')
    assert shown['inbound']['sender_domains'] == ['fabrikam.example', '*.fabrikam.example']
    assert shown['trust'] == authority.pem and shown['outbound']['tls'] == 'name'
    ours.cli('connector', 'set', 'contoso/fabrikam', '--outbound-cost=3', '--enabled=false')
    shown = ours.json('connector', 'show', 'contoso/fabrikam')
    assert shown['outbound']['cost'] == 3 and shown['enabled'] is False
    assert 'disabled' in ours.cli('connector', 'list').stdout
    (ours.directory / 'bad.pem').write_text('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')
    bad = ours.cli('connector', 'set', 'contoso/fabrikam', f'--trust-file={ours.directory / "bad.pem"}', check=False)
    assert bad.returncode == FAILED and 'contoso/fabrikam: trust: ' in bad.stderr
    ours.cli('connector', 'remove', 'contoso/fabrikam', '--yes')
    assert ours.json('connector', 'list') == []


@pytest.mark.parametrize('arguments, status, words', [
    (['domain', 'add', 'x.example', '--organisation=nobody'], FAILED, ['domain x.example', 'nobody']),
    (['domain', 'add', 'not a domain', '--organisation=contoso'], FAILED, ['name', 'not a domain']),
    (['domain', 'set', 'contoso.example', '--type=perhaps'], FAILED, ['type', 'authoritative', 'perhaps']),
    (['domain', 'set', 'contoso.example', '--subdomains=perhaps'], USAGE, ['--subdomains', 'perhaps', 'true or false']),
    (['domain', 'set', 'contoso.example', '--nonsense=1'], USAGE, ['--nonsense']),
    (['domain', 'set', 'contoso.example'], USAGE, ['property']),
    (['domain', 'set', 'nowhere.example', '--subdomains'], FAILED, ['there is no domain nowhere.example']),
    (['domain', 'remove', 'nowhere.example', '--yes'], FAILED, ['there is no domain nowhere.example']),
    (['connector', 'show', 'fabrikam'], FAILED, ['there is no connector fabrikam']),
    (['queue', 'show', '0FZ3K5M2P7QAB'], FAILED, ['no such message in the queue']),
    (['queue', 'delete'], USAGE, ['--all']),
    (['trace', '--since=yesterday'], USAGE, ['--since', 'yesterday']),
    (['cert', 'show', 'nowhere'], FAILED, ['nowhere']),
    (['status', '--nonsense'], USAGE, ['--nonsense']),
    (['status', 'too', 'many'], USAGE, ['too']),
    (['apply'], USAGE, ['FILE.yaml']),
])
def test_mistakes_are_explained(ours, arguments, status, words):
    refused = ours.cli(*arguments, check=False)
    assert refused.returncode == status, refused.stderr
    assert refused.stderr.startswith('sealpost: ') and refused.stdout == ''
    for word in words:
        assert word in refused.stderr, refused.stderr


# ---- every verb -------------------------------------------------------------------------------------


def verbs():
    text = run('help').stdout
    return sorted(set(re.findall(r'^  ([a-z][a-z-]*(?: [a-z][a-z-]*)?)  ', text, re.M)))


def test_all_verbs_are_found():
    assert len(verbs()) > 30
    assert {'apply', 'serve', 'queue list', 'cert self-signed', 'connector add'} <= set(verbs())


@pytest.mark.parametrize('verb', verbs())
def test_every_verb_has_help(verb):
    shown = run(*verb.split(), '--help')
    assert shown.returncode == 0 and shown.stderr == ''
    assert f'sealpost {verb}' in shown.stdout
    assert run('help', *verb.split()).stdout == shown.stdout


@pytest.mark.parametrize('listing', ['org list', 'domain list', 'connector list', 'cert list', 'queue list',
                                     'queue summary', 'trace', 'host list', 'tls list', 'status', 'export'])
def test_every_listing_is_json_too(ours, listing):
    assert isinstance(ours.json(*listing.split()), (list, dict))


@pytest.mark.parametrize('arguments', [['nonsense'], ['queue', 'nonsense'], ['queue'], ['--nonsense']])
def test_an_unknown_verb(arguments):
    refused = run(*arguments)
    assert refused.returncode == USAGE
    assert refused.stderr.startswith('sealpost: ') and refused.stdout == ''


@pytest.mark.parametrize('verb', ['status', 'queue list', 'export', 'reload', 'org list'])
def test_without_a_server(tmp_path, verb):
    refused = run(*verb.split(), '--socket', tmp_path / 'admin.sock')
    assert refused.returncode == UNREACHABLE
    assert str(tmp_path / 'admin.sock') in refused.stderr and '`sealpost serve`' in refused.stderr


def test_a_closed_pipe_is_no_crash(ours):
    done = subprocess.run(['bash', '-c', '"$0" help --reference=configuration | head -1; echo ${PIPESTATUS[0]}', BINARY],
                          capture_output=True, text=True, timeout=30)
    assert done.stdout.splitlines()[-1] in ('0', '1', '141')
    full = subprocess.run(['bash', '-c', '"$0" version > /dev/full', BINARY], capture_output=True, text=True)
    assert full.returncode == FAILED and 'standard output' in full.stderr


# ---- other users ------------------------------------------------------------------------------------


@pytest.fixture
def others_binary():
    """The program where every user may execute it."""
    import tempfile
    top = pathlib.Path(tempfile.mkdtemp(prefix='sealpost-', dir='/var/tmp'))
    top.chmod(0o755)
    shutil.copy(BINARY, top / 'sealpost')
    yield top / 'sealpost'
    shutil.rmtree(top)


@pytest.mark.skipif(os.geteuid() != 0, reason='needs root')
def test_another_user_is_refused_unless_named(tmp_path, instances, others_binary):
    nobody = ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', '--', str(others_binary)]
    run_directory = others_binary.parent / 'run'
    sealpost = instances(tmp_path / 'ours', 'mx.contoso.example', node={'run': str(run_directory)})
    socket = run_directory / 'admin.sock'
    # The harness looks for the socket below the directory of the instance.
    (sealpost.directory / 'run').symlink_to(run_directory)
    sealpost.start()

    def ask(*verb):
        return subprocess.run([*nobody, *verb, '--socket', str(socket)], capture_output=True, text=True, timeout=30)
    for verb in (['status'], ['export'], ['org', 'add', 'mine'], ['reload']):
        refused = ask(*verb)
        assert refused.returncode == FAILED, refused.stdout
        assert 'you may not manage this server' in refused.stderr and '"administrators"' in refused.stderr
        assert refused.stdout == ''
    assert sealpost.json('org', 'list') == []
    sealpost.stop()
    sealpost.node['administrators'] = [pwd.getpwnam('nobody').pw_name]
    sealpost.start()
    assert ask('status').returncode == 0
    assert ask('org', 'add', 'mine').returncode == 0


# ---- what is installed ------------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which('bash'), reason='needs bash')
def test_completion_works_in_bash():
    script = textwrap.dedent('''
        set -eu
        source <("$0" completion bash)
        complete -p sealpost
        function=$(complete -p sealpost | sed -n 's/.*-F \\([^ ]*\\).*/\\1/p')
        try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); "$function" sealpost "${@: -1}" "" || true
            echo "${COMPREPLY[*]}"; }
        try sealpost que
        try sealpost queue l
        try sealpost queue list --dom
        ''')
    done = subprocess.run(['bash', '-c', script, BINARY], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and done.stderr == '', done.stderr
    _, verbs_, sub, flags = done.stdout.splitlines()
    assert 'queue' in verbs_ and 'list' in sub and '--domain' in flags, done.stdout


@pytest.mark.parametrize('shell', ['bash', 'zsh', 'fish'])
def test_the_completion_that_is_shipped_loads_the_programs(shell):
    name = {'bash': 'sealpost.bash', 'zsh': '_sealpost', 'fish': 'sealpost.fish'}[shell]
    shipped = ROOT / 'packaging/completion' / name
    assert f'sealpost completion {shell}' in shipped.read_text()
    if not shutil.which(shell):
        pytest.skip(f'needs {shell}')
    for script in (shipped.read_text(), run('completion', shell).stdout):
        checked = subprocess.run([shell, '-n'], input=script, capture_output=True, text=True)
        assert checked.returncode == 0 and checked.stderr == '', checked.stderr


@pytest.mark.skipif(not shutil.which('mandoc'), reason='needs mandoc')
@pytest.mark.parametrize('page', sorted((ROOT / 'docs/man').iterdir()), ids=lambda p: p.name)
def test_the_manual_is_sound(page):
    done = subprocess.run(['mandoc', '-T', 'lint', '-W', 'warning', str(page)], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == '', done.stdout


def built():
    """The build directory of the binary under test, if there is one."""
    build = pathlib.Path(os.environ.get('SEALPOST_BUILD', ROOT / 'build'))
    return build if (build / 'build.ninja').exists() and (build / 'src/sealpost').exists() else None


@pytest.fixture(scope='module')
def installed(tmp_path_factory):
    if built() is None or not shutil.which('meson'):
        pytest.skip('needs a build directory')
    destination = tmp_path_factory.mktemp('installed')
    # As `make install` does, without building.
    done = subprocess.run(['meson', 'install', '-C', str(built()), '--no-rebuild'], capture_output=True, text=True,
                          env={**os.environ, 'DESTDIR': str(destination)})
    assert done.returncode == 0, done.stdout + done.stderr
    return destination


def test_everything_is_installed(installed):
    files = {str(p.relative_to(installed)): p for p in installed.rglob('*') if p.is_file()}

    def one(ending):
        found = [p for name, p in files.items() if name.endswith(ending)]
        assert len(found) == 1, (ending, sorted(files))
        return found[0]
    binary = one('/bin/sealpost')
    assert stat.S_IMODE(binary.stat().st_mode) == 0o755
    assert subprocess.run([binary, 'version'], capture_output=True, text=True).stdout.startswith('sealpost ')
    for page in ('man1/sealpost.1', 'man5/sealpost.yaml.5', 'man5/sealpost-config.5'):
        one(page)
    for file in ('bash-completion/completions/sealpost', 'site-functions/_sealpost', 'sealpost.fish',
                 'sysusers.d/sealpost.conf', 'tmpfiles.d/sealpost.conf'):
        one(file)
    unit = one('systemd/system/sealpost.service').read_text()
    start = re.search(r'^ExecStart=(\S+) serve', unit, re.M)[1]
    assert start == '/' + str(binary.relative_to(installed)), 'the unit starts what was installed'
    assert '@' not in re.sub(r'@[a-z-]+', '', unit), 'nothing is left to fill in'
    users = one('sysusers.d/sealpost.conf').read_text()
    for role in ('keys', 'lookup', 'spool', 'receive', 'deliver', 'admin', 'web'):
        assert f'u sealpost-{role} ' in users


@pytest.mark.skipif(not shutil.which('systemd-analyze'), reason='needs systemd-analyze')
def test_the_unit_is_sound(installed, tmp_path):
    unit = next(installed.rglob('sealpost.service'))
    binary = next(installed.rglob('bin/sealpost'))
    text = re.sub(r'^(Exec\w+)=\S+', rf'\1={binary}', unit.read_text(), flags=re.M)
    (tmp_path / 'sealpost.service').write_text(re.sub(r'^Documentation=.*\n', '', text, flags=re.M))
    done = subprocess.run(['systemd-analyze', 'verify', '--man=no', str(tmp_path / 'sealpost.service')],
                          capture_output=True, text=True, timeout=60)
    complaints = [line for line in done.stderr.splitlines() if 'sealpost.service' in line]
    assert complaints == []
