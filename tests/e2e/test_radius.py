# SPDX-License-Identifier: BSD-3-Clause
# e2e: sanitize limit 600
"""RADIUS against Debian's FreeRADIUS, and against servers that lie."""
import contextlib
import copy
import time
import types

import load
from dial import tunnel_up
from fake_radius import fake, reply
from freeradius import SECRET, FreeRadius
from lac import CALLING_NUMBER, avp
from lib import FAR, Failure, Lnsd, case, check, check_equal, eventually, main
from ppp import Client, Refused

POLICIES = [{'name': 'gold', 'up-rate': '5M', 'down-rate': '50M'},
            {'name': 'silver', 'up-rate': '1M', 'down-rate': '10M'}]
QUICK = {'timeout': 0.3, 'tries': 2, 'dead-after': 1, 'probe-interval': 1}


def quick(server, **more):
    """Times that a test can wait for."""
    made = server.settings(**{key: f'{int(value * 1000)}ms' if key != 'tries' else value
                              for key, value in QUICK.items()})
    return {**made, **more}


def setup(lab):
    one = FreeRadius(lab, 'one', 18121, 18131).start()
    two = FreeRadius(lab, 'two', 18122, 18132).start()
    config = load.config(
        lab, policies=POLICIES,
        peers=[{'name': 'open', 'sources': ['10.1.0.0/24'], 'host-name': 'open-*'},
               {'name': 'load', 'sources': ['10.1.0.0/24'], 'secret': load.SECRET, 'challenge': True}],
        users=[{'name': 'local@isp.example', 'password': 'local-password'},
               {'name': 'sub0@load.example', 'password': 'not-that'}],
        pools=[{'name': 'main', 'ranges': ['100.66.0.0/16']}, {'name': 'second', 'ranges': ['100.67.0.0/24']}])
    config['subscribers'].update({'pool': 'main', 'line-overhead': 20})
    config['lns']['log-level'] = 'info'
    config['radius-servers'] = [quick(one, priority=1), quick(two, priority=2)]
    config['aaa'] = {'order': ['radius', 'local']}
    config['prefix-pools'] = [{'name': 'six', 'prefixes': ['2001:db8:100::/48']}]
    config['radius'] = {'nas-address': '192.0.2.1', 'deadline': '5s', 'spool': lab.path('spool')}
    return types.SimpleNamespace(lnsd=Lnsd(lab, config).start(), one=one, two=two)


def finish(lab, state):
    eventually(lambda: not state.lnsd.sessions(), 'no session is left', timeout=20)
    state.lnsd.stop()
    log = lab.read(state.lnsd.log)
    for secret in (SECRET, 'alice-password', 'every-password', 'local-password'):
        check(secret not in log, 'a secret is in the log')


def server(state, name):
    return next(row for row in state.lnsd.rows('radius') if (row['server'], row['role']) == (name, 'authentication'))


def drops(state, name):
    return dict(text.rsplit(' ', 1) for text in server(state, name)['drops'])


def dropped(state, name, reason):
    return int(drops(state, name).get(reason, 0))


@contextlib.contextmanager
def dialled(lab, user, password, method='chap'):
    with tunnel_up(lab) as tunnel:
        client = Client(tunnel.call(), user=user, password=password, methods=[method]).up()
        yield client
        client.terminate()


def refused(lab, user, password, method='chap'):
    """The text that the subscriber is shown."""
    with tunnel_up(lab) as tunnel:
        client = Client(tunnel.call(), user=user, password=password, methods=[method]).lcp()
        text = ''
        for _ in range(1 if method == 'chap' else 2):
            try:
                client.authenticate()
            except Refused as error:
                text = str(error)
                continue
            raise Failure(f'{user} was let in')
        client.gone(8)
        return text


def session(state, user):
    row = next(one for one in state.lnsd.sessions() if one['user'] == user)
    return state.lnsd.row('session', f"{row['tunnel']}/{row['session']}")


@contextlib.contextmanager
def reconfigured(state, change):
    kept = copy.deepcopy(state.lnsd.config)
    change(state.lnsd.config)
    try:
        check_equal(state.lnsd.reload().returncode, 0, 'reload')
        yield
    finally:
        state.lnsd.config = kept
        check_equal(state.lnsd.reload().returncode, 0, 'reload')


@case
def every_method_is_accepted_and_rejected(lab, state):
    for method in ('pap', 'chap', 'mschapv2'):
        with dialled(lab, 'alice@radius.example', 'alice-password', method) as client:
            client.ping(FAR)
        refused(lab, 'alice@radius.example', 'wrong-password', method)
        refused(lab, 'nobody@radius.example', 'alice-password', method)
    row = server(state, 'one')
    check(row['accepts'] == 3 and row['rejects'] >= 6, f'accepts and rejects: {row}')


@case
def the_reason_of_a_reject_reaches_the_subscriber(lab, state):
    check('pay your bill' in refused(lab, 'rejected@radius.example', 'x', 'pap'), 'Reply-Message')


@case
def every_attribute_of_an_accept_is_honoured(lab, state):
    with dialled(lab, 'everything@radius.example', 'every-password') as client:
        check_equal(client.address, '100.65.1.7', 'address')
        check_equal(client.dns, ['198.51.100.53', '198.51.100.54'], 'DNS servers')
        row = session(state, 'everything@radius.example')
        for key, value in (('session_timeout', 7200), ('idle_timeout', 900), ('interim_interval', 300),
                           ('mtu', 1400), ('policy', 'gold'), ('up_rate', 5000000), ('down_rate', 50000000),
                           ('class', ['class-one', 'class-two']),
                           ('routes', ['198.18.7.0/29 metric 5', '198.18.8.0/24 metric 7'])):
            check_equal(row[key], value, key)
        for prefix in ('100.65.1.7/32', '198.18.7.0/29', '198.18.8.0/24'):
            check(prefix in row['prefixes'], f"prefixes: {row['prefixes']}")
        for text in ('interface id 0000:0000:0000:0007', 'prefix 2001:db8:1::/64', 'delegated 2001:db8:2::/56',
                     'dns 2001:db8::53', 'pool six'):
            check(text in row['ipv6'], f"{text}: {row['ipv6']}")
        client.ping(FAR)


@case
def pool_is_taken_by_its_name(lab, state):
    with dialled(lab, 'pooled@radius.example', 'pooled-password') as client:
        check(client.address.startswith('100.67.0.'), client.address)


@case
def subscriber_may_choose_an_address_of_its_pool_that_is_free(lab, state):
    def dial(tunnel, address, number=0):
        return Client(tunnel.call(), user=f'choice{number}@radius.example', password='choice-password', methods=['chap'],
                      address=address).up()

    with tunnel_up(lab) as tunnel:
        chosen = dial(tunnel, '100.66.7.7')
        check_equal(chosen.address, '100.66.7.7', 'its choice')
        chosen.ping(FAR)
        # taken; of another pool; a network of somebody else; nothing at all
        others = [dial(tunnel, address, 1 + index)
                  for index, address in enumerate(('100.66.7.7', '100.67.0.9', '203.0.113.1', '0.0.0.0'))]
        addresses = [one.address for one in others]
        check(all(address.startswith('100.66.') for address in addresses), f'{addresses}')
        check_equal(len(set(addresses + ['100.66.7.7'])), 5, f'different addresses: {addresses}')
        others[0].ping(FAR)
        for one in [chosen] + others:
            one.terminate()
    with dialled(lab, 'alice@radius.example', 'alice-password') as client:
        check(client.address != '100.66.7.7', 'an address that nobody was to choose')


@case
def rates_are_taken_in_every_vendors_form(lab, state):
    for user, up, down in (('wispr', 2000000, 16000000), ('mikrotik', 3000000, 12000000),
                           ('ascend', 1000000, 4000000), ('cisco', 5000000, 10000000)):
        with dialled(lab, f'{user}@radius.example', 'rate-password') as client:
            row = session(state, f'{user}@radius.example')
            check_equal((row['up_rate'], row['down_rate']), (up, down), user)
            client.ping(FAR)


@case
def an_accept_that_cannot_be_honoured_is_refused_with_its_reason(lab, state):
    for user, reason in (('bad-pool', 'Framed-Pool nowhere is not in pools'),
                         ('bad-filter', 'Filter-Id names the policy platinum, which is not in policies'),
                         ('bad-route', 'Framed-Route'),
                         ('bad-service', 'Service-Type 1, expected 2'),
                         ('bad-rates', 'two different rates from the subscriber'),
                         ('bad-address', "Framed-IP-Address 127.0.0.1 is no host's address")):
        refused(lab, f'{user}@radius.example', 'bad-password')
        check(reason in lab.read(state.lnsd.log), f'{user}: the log does not say: {reason}')
    check(not state.lnsd.sessions(), 'sessions are left')


@case
def request_carries_what_is_known_of_the_session(lab, state):
    with fake(lab, 18140) as server_socket, \
            reconfigured(state, lambda config: only(config, 18140)):
        seen = []
        server_socket.answer = lambda request: seen.append(request) or reply(request, 3)
        refused(lab, 'told@radius.example', 'x', 'pap')
        attributes = seen[0].attributes
        check_equal(attributes[0][0], 80, 'the first attribute')
        kinds = {kind for kind, _ in attributes}
        for kind in (1, 2, 4, 5, 6, 7, 12, 32, 44, 61, 64, 65, 66, 67, 68, 82, 87, 90, 91):
            check(kind in kinds, f'attribute {kind} is missing: {sorted(kinds)}')
        check_equal(dict(attributes)[1], b'told@radius.example', 'User-Name')
        check_equal(dict(attributes)[66], b'10.1.0.2', 'Tunnel-Client-Endpoint')
        check(dict(attributes)[87].startswith(b'open-'), f'NAS-Port-Id: {dict(attributes)[87]}')


# ---- servers that die ----

@case
def local_users_are_asked_when_no_server_answers(lab, state):
    state.one.kill()
    state.two.kill()
    try:
        with dialled(lab, 'local@isp.example', 'local-password') as client:
            client.ping(FAR)
        eventually(lambda: all(row['state'] == 'dead' for row in state.lnsd.rows('radius')), 'both are dead')
    finally:
        state.one.start()
        state.two.start()
    eventually(lambda: all(row['state'] == 'alive' for row in state.lnsd.rows('radius')), 'both live again')
    with dialled(lab, 'alice@radius.example', 'alice-password'):
        pass


@case
def who_is_up_may_come_back_while_no_server_answers(lab, state):
    def dial(tunnel, number, user='alice@radius.example', method='chap'):
        return Client(tunnel.call(avp(CALLING_NUMBER, number)), user=user, password='alice-password', methods=[method])

    def change(config):
        config['aaa'] = {'order': ['radius'], 'existing': True}

    with reconfigured(state, change), tunnel_up(lab) as tunnel:
        first = dial(tunnel, '0301234').up()
        state.one.kill()
        state.two.kill()
        try:
            # its PPP begins anew; then the line calls again, whose old session nobody has ended
            first.lcp()
            first.authenticate()
            first.ipcp()
            first.ping(FAR)
            again = dial(tunnel, '0301234').up()
            check_equal(again.address, first.address, 'the address of the session that was up')
            again.ping(FAR)
            check('let in without authentication' in lab.read(state.lnsd.log), 'the log')
            # another line, another user, no line at all, and who wants a proof: a CDN that says temporary
            for which in (('0309999',), ('0301234', 'pooled@radius.example'), ('',),
                          ('0301234', 'alice@radius.example', 'mschapv2')):
                other = dial(tunnel, *which)
                other.lcp()
                with contextlib.suppress(Exception):
                    other.authenticate()
                eventually(lambda: len(state.lnsd.sessions()) == 1, f'{which} is gone', timeout=15)
            again.ping(FAR)
            again.terminate()
        finally:
            state.one.start()
            state.two.start()
    eventually(lambda: all(row['state'] == 'alive' for row in state.lnsd.rows('radius')), 'both live again')


@case
def five_hundred_set_ups_survive_the_death_of_a_server(lab, state):
    before = server(state, 'two')['accepts']
    child = load.start(lab, 4, 500, '--auth', 'mix', '--rate', '200', name='death', traffic=False)
    try:
        eventually(lambda: server(state, 'one')['in_flight'] or len(state.lnsd.sessions()) > 50,
                   'set-ups are under way', interval=0.01)
        state.one.kill()
        check_equal(child.wait(120), 0, 'lnsload: ' + lab.read('death.log')[-500:])
    finally:
        lab.end(child)
        state.one.start()
    result = load.result_of(lab, 'death')
    check_equal(result['sessions']['up'], 500, 'sessions up')
    taken = server(state, 'two')['accepts'] - before
    check(taken > 0, 'the second server was not asked')
    eventually(lambda: server(state, 'one')['state'] == 'alive', 'the first server lives again')
    before = server(state, 'one')['accepts']
    with dialled(lab, 'alice@radius.example', 'alice-password'):
        check_equal(server(state, 'one')['accepts'], before + 1, 'fail-back')
    return f'{taken} by the second server'


# ---- servers that lie ----

def only(config, port, **more):
    config['radius-servers'] = [{
        'name': 'fake', 'address': '127.0.0.1', 'auth-port': port, 'acct-port': 0, 'secret': SECRET, 'timeout': '300ms', 'tries': 2,
        'dead-after': '1s', 'probe-interval': '1s', **more}]


@case
def forged_late_and_duplicate_answers_are_dropped_and_counted(lab, state):
    faults = {
        'no-message-authenticator': lambda request, lab, server_socket: reply(request, 2, message='absent'),
        'wrong-message-authenticator': lambda request, lab, server_socket: reply(request, 2, message='wrong'),
        'wrong-authenticator': lambda request, lab, server_socket: reply(request, 2, authenticator='wrong'),
        'unknown-id': lambda request, lab, server_socket: reply(request, 2, identifier=(request.id + 100) % 256),
        'unexpected-code': lambda request, lab, server_socket: reply(request, 5),
        'length': lambda request, lab, server_socket: reply(request, 2)[:2] + b'\x00\x10' + reply(request, 2)[4:],
        'short': lambda request, lab, server_socket: reply(request, 2)[:-1],
        'attribute-length': lambda request, lab, server_socket: reply(request, 2)[:-11] + b'\x12\x00' + bytes(9),
        'wrong-address': lambda request, lab, server_socket: server_socket.other.sendto(
            reply(request, 2), request.source) and None,
    }
    with fake(lab, 18150) as server_socket, reconfigured(state, lambda config: only(config, 18150)):
        for reason, fault in faults.items():
            answered = []

            def answer(request):
                if answered:  # the second time it tells the truth
                    return reply(request, 3)
                answered.append(request)
                return fault(request, lab, server_socket)

            server_socket.answer = answer
            refused(lab, 'forged@radius.example', 'x', 'chap')
            check(dropped(state, 'fake', reason) >= 1, f'{reason}: {drops(state, "fake")}')
        check('Message-Authenticator := 0x00' in lab.read(state.lnsd.log), 'the log says what to change')
        # twice the same, and one that comes when nobody waits any more
        server_socket.answer = lambda request: [reply(request, 3), reply(request, 3)]
        refused(lab, 'twice@radius.example', 'x', 'chap')
        check(dropped(state, 'fake', 'duplicate') >= 1, f'{drops(state, "fake")}')
        kept = []
        server_socket.answer = lambda request: kept.append(request)
        with tunnel_up(lab) as tunnel:
            client = Client(tunnel.call(), user='late@radius.example', password='x', methods=['pap']).lcp()
            with contextlib.suppress(Exception):
                client.authenticate()
            tunnel.stop()
        eventually(lambda: not state.lnsd.sessions(), 'the session has ended')
        time.sleep(0.1)
        server_socket.socket.sendto(reply(kept[-1], 3), kept[-1].source)
        eventually(lambda: dropped(state, 'fake', 'late') >= 1, 'late')


@case
def an_ancient_server_is_believed_if_the_configuration_says_so(lab, state):
    with fake(lab, 18160) as server_socket, \
            reconfigured(state, lambda config: only(config, 18160, **{'require-message-authenticator': False})):
        server_socket.answer = lambda request: reply(request, 2, message='absent')
        with dialled(lab, 'old@radius.example', 'anything'):
            pass
        check('CVE-2024-3596' in lab.read(state.lnsd.log), 'a warning')


main(setup, finish)
