# SPDX-License-Identifier: BSD-3-Clause
# e2e: limit 300
"""What an operator gets told: bad files, missing devices, a second daemon, too little memory, reload."""
import copy
import os
import re
import subprocess

from lib import Lnsd, case, check, check_equal, default_config, main, program, yaml_text


def checked(lab, text):
    """exit status and output of lnsd --check."""
    path = lab.path('check.yaml')
    with open(path, 'w') as file:
        file.write(text)
    done = subprocess.run([program('lnsd'), '-c', path, '--check'], capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout + done.stderr, path


def changed(lab, change):
    config = default_config(lab)
    change(config)
    return checked(lab, yaml_text(config))


def refused_start(lab, config, *words, timeout=40):
    """lnsd must not start, say why in words, and leave with a status that is neither 0 nor a crash."""
    lnsd = Lnsd(lab, config, name='refused')
    lnsd.write_config()
    done = lab.run('lns', program('lnsd'), '-c', lnsd.config_path, check_status=False, timeout=timeout)
    check(0 < done.returncode < 126, f'exit status {done.returncode}: {done.stderr[-500:]}')
    for word in words:
        check(re.search(word, done.stderr + done.stdout, re.I), f'{word} is not in: {done.stderr[-1000:]}')
    return done.stderr


@case
def good_file_passes_and_nothing_is_started(lab):
    status, out, _ = checked(lab, yaml_text(default_config(lab)))
    check_equal(status, 0, 'exit status: ' + out)


@case
def each_mistake_is_named_with_its_place(lab):
    def user(config, **fields):
        config['users'].append({'name': 'new', 'password': 'new-secret', **fields})

    mistakes = {
        'unknown key': (lambda c: c['lns'].update({'colour': 'blue'}), 'colour'),
        'unknown key below a list': (lambda c: c['peers'][0].update({'secrte': 'x'}), 'secrte'),
        'wrong type': (lambda c: c['dpdk'].update({'mbufs': 'many'}), 'mbufs'),
        'out of range': (lambda c: c['subscribers'].update({'mru': 100}), 'mru'),
        'not an address': (lambda c: c['subscribers'].update({'dns': ['1.2.3']}), 'dns'),
        'pool that does not exist': (lambda c: c['subscribers'].update({'pool': 'none'}), 'pool'),
        'pool in an interface subnet': (lambda c: c['pools'].append({'name': 'p2', 'ranges': ['10.1.0.128/25']}),
                                        'pools'),
        'pools that overlap': (lambda c: c['pools'].append({'name': 'p2', 'ranges': ['100.64.17.0/24']}), 'pools'),
        'duplicate peer': (lambda c: c['peers'].append(copy.deepcopy(c['peers'][1])), 'peers'),
        'duplicate user': (lambda c: user(c, name='alice@isp.example'), 'users'),
        'duplicate interface': (lambda c: c['interfaces'].append(dict(c['interfaces'][0])), 'interfaces'),
        'challenge without secret': (lambda c: c['peers'].append(
            {'name': 'p', 'sources': ['10.9.0.0/16'], 'challenge': True}), 'challenge|secret'),
        'secret file that is not there': (lambda c: c['peers'].append(
            {'name': 'p', 'sources': ['10.9.0.0/16'], 'secret-file': '/nowhere/secret'}), 'secret-file'),
        'no interfaces': (lambda c: c.pop('interfaces'), 'interfaces'),
    }
    for what, (change, word) in mistakes.items():
        status, out, path = changed(lab, change)
        check_equal(status, 1, f'{what}: exit status ({out.strip()[-200:]})')
        found = re.search(re.escape(path) + r':\d+:\d+: \S+', out)
        check(found, f'{what}: no file:line:column: field in {out!r}')
        check(re.search(word, out), f'{what}: {word} is not named in {out!r}')
        check('new-secret' not in out and 'tunnel-secret' not in out, f'{what}: a secret is shown: {out}')


@case
def all_mistakes_come_at_once(lab):
    def change(config):
        config['lns']['colour'] = 'blue'
        config['subscribers']['mru'] = 1
        config['dpdk']['mbufs'] = 'x'
        config['users'].append({'name': 'n', 'password': 'p', 'address': '1.2.3.4.5'})

    status, out, path = changed(lab, change)
    check_equal(status, 1, 'exit status')
    lines = [line for line in out.splitlines() if re.search(re.escape(path) + r':\d+:\d+:', line)]
    check(len(lines) >= 4, f'{len(lines)} errors of 4: {out}')


@case
def broken_yaml_and_missing_files(lab):
    for text in ('lns: [', 'lns:\n\t- x\n', '\0\0\0', 'a: &a [*a]\n', '- just\n- a list\n', '', 'lns: {{{\n'):
        status, out, _ = checked(lab, text)
        check_equal(status, 1, f'exit status for {text!r}')
        check(out.strip(), f'{text!r} is refused silently')
    done = subprocess.run([program('lnsd'), '-c', '/nowhere/lnsd.yaml', '--check'], capture_output=True, text=True)
    check(done.returncode == 1 and '/nowhere/lnsd.yaml' in done.stderr + done.stdout, 'missing file: ' + done.stderr)
    done = subprocess.run([program('lnsd'), '--no-such-option'], capture_output=True, text=True)
    check(done.returncode not in (0, -11) and done.stderr + done.stdout, 'unknown option')


@case
def missing_device(lab):
    config = default_config(lab)
    config['dpdk']['vdevs'][0] = 'net_af_packet0,iface=no-such-port'
    refused_start(lab, config, 'no-such-port|net_af_packet0')
    config = default_config(lab)
    config['interfaces'][0]['device'] = 'net_af_packet7'
    refused_start(lab, config, 'net_af_packet7')


@case
def too_little_memory(lab):
    config = default_config(lab)
    config['dpdk'].update({'memory': 64, 'mbufs': 200000})
    refused_start(lab, config, 'memory|mbuf')


@case
def hugepages_that_are_not_there(lab):
    with open('/proc/sys/vm/nr_hugepages') as file:
        if int(file.read()):
            return 'not looked at: this machine has hugepages'
    config = default_config(lab)
    config['dpdk']['hugepages'] = True
    refused_start(lab, config, 'hugepage')
    return ''


@case
def second_daemon_and_stale_socket(lab):
    lnsd = Lnsd(lab, default_config(lab)).start()
    config = copy.deepcopy(lnsd.config)
    second = Lnsd(lab, config, name='lnsd')
    second.config_path = lab.path('second.yaml')
    second.write_config()
    done = lab.run('lns', program('lnsd'), '-c', second.config_path, check_status=False, timeout=40)
    check(done.returncode not in (0, 124) and done.returncode > 0, f'a second daemon: {done.returncode}')
    check(re.search('already|in use|running', done.stderr + done.stdout, re.I), 'it says why: ' + done.stderr[-500:])
    check(lnsd.alive() and lnsd.ctl('show', 'version'), 'the first one goes on')
    lnsd.kill()  # leaves its socket, TAPs' namespace and routes behind
    check(os.path.exists(lnsd.socket), 'the socket of the killed daemon is there')
    lnsd.start()
    check_equal(lab.ping('lac', '10.1.0.1', 3), 3, 'pings after the restart')
    lnsd.stop()
    check(not os.path.exists(lnsd.socket), 'the socket is removed at the end')


@case
def no_permission(lab):
    lnsd = Lnsd(lab, default_config(lab), name='denied')
    lnsd.write_config()
    os.chmod(lnsd.config_path, 0o644)
    done = lab.run('lns', 'setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all',
                   '--bounding-set=-all', program('lnsd'), '-c', lnsd.config_path, check_status=False, timeout=40)
    check(0 < done.returncode < 126, f'exit status {done.returncode}: {done.stderr[-300:]}')
    check(re.search('permi|root|capab|denied|allowed', done.stderr + done.stdout, re.I),
          'it says why: ' + (done.stderr + done.stdout)[-800:])


@case
def reload_applies_what_it_can_and_names_what_it_cannot(lab):
    import dial
    from ppp import Client
    lnsd = Lnsd(lab, default_config(lab)).start()
    with dial.tunnel_up(lab) as tunnel:
        client = Client(tunnel.call()).up()
        client.ping('203.0.113.1')
        lnsd.config['users'].append({'name': 'late@isp.example', 'password': 'late-password'})
        done = lnsd.reload()
        check_equal(done.returncode, 0, 'reload: ' + done.stderr)
        late = Client(tunnel.call(), user='late@isp.example', password='late-password').up()
        late.ping('203.0.113.1')
        client.ping('203.0.113.1')
        lnsd.config['interfaces'][0]['mtu'] = 1400
        lnsd.config['users'].append({'name': 'later@isp.example', 'password': 'later-password'})
        done = lnsd.reload()
        check('mtu' in done.stdout + done.stderr, 'what needs a restart is named: ' + done.stdout + done.stderr)
        Client(tunnel.call(), user='later@isp.example', password='later-password').up().ping('203.0.113.1')
        lnsd.config['subscribers']['mru'] = 1
        done = lnsd.reload()
        check(done.returncode != 0 and 'mru' in done.stdout + done.stderr,
              'a bad file is refused: ' + done.stdout + done.stderr)
        lnsd.config['subscribers']['mru'] = 1460
        lnsd.config['interfaces'][0]['mtu'] = 1500
        lnsd.config['users'] = [user for user in lnsd.config['users'] if 'late@' not in user['name']]
        lnsd.write_config()
        lnsd.process.send_signal(1)  # SIGHUP does the same
        client.ping('203.0.113.1', count=5)
        from ppp import Refused
        again = Client(tunnel.call(), user='late@isp.example', password='late-password')
        try:
            again.up()
            raise AssertionError('a user that was removed is let in')
        except Refused:
            pass
    lnsd.stop()


main()
