# SPDX-License-Identifier: BSD-3-Clause
# e2e: limit 120
"""What Prometheus gets, read by Prometheus' own parser, with a session and its packets in it."""
import http.client

from prometheus_client.parser import text_string_to_metric_families

import dial
from dial import subscriber, tunnel_up
from lib import FAR, case, check, check_equal, eventually, in_namespace, main

PORT = 9797


def setup(lab):
    return dial.setup(lab, metrics={'address': '127.0.0.1', 'port': PORT, 'tunnels': True})


def scrape(lab):
    """name -> [(labels, value)], after the parser has had its say about every line."""
    connection = http.client.HTTPConnection('127.0.0.1', PORT, timeout=20)
    with in_namespace(lab.namespace('lns')):
        connection.request('GET', '/metrics')
    reply = connection.getresponse()
    text = reply.read().decode()
    check_equal(reply.status, 200, 'status')
    check(reply.getheader('Content-Type').startswith('text/plain; version=0.0.4'), 'content type')
    samples = {}
    for family in text_string_to_metric_families(text):
        check(family.documentation, f'{family.name} has no HELP')
        check(family.type in ('gauge', 'counter'), f'{family.name}: {family.type}')
        for sample in family.samples:
            check(sample.labels not in [labels for labels, _ in samples.get(sample.name, [])],
                  f'{sample.name} {sample.labels} stands twice')
            samples.setdefault(sample.name, []).append((sample.labels, sample.value))
    return samples


def total(samples, metric, **labels):
    return sum(value for at, value in samples[metric] if labels.items() <= at.items())


@case
def metrics_follow_a_session(lab, state):
    before = scrape(lab)

    def grown(now, metric, **labels):
        return total(now, metric, **labels) - total(before, metric, **labels)

    check_equal(total(before, 'lnsd_scrape_errors'), 0, 'commands without an answer')
    check_equal(total(before, 'lnsd_sessions_up'), 0, 'sessions')
    check_equal(len(before['lnsd_info']), 1, 'info')
    check_equal(total(before, 'lnsd_interface_up'), 2, 'interfaces')
    check_equal(total(before, 'lnsd_worker_running'), 1, 'workers')
    with tunnel_up(lab) as tunnel:
        with subscriber(lab, tunnel) as client:
            client.ping(FAR)
            now = scrape(lab)
            check_equal(total(now, 'lnsd_sessions_up'), 1, 'sessions')
            check_equal(total(now, 'lnsd_tunnel_sessions', name='open-lac'), 1, 'sessions of the tunnel')
            check_equal(total(now, 'lnsd_pool_used', pool='main'), 1, 'addresses')
            check_equal(grown(now, 'lnsd_events_total', group='session', name='came_up'), 1, 'came up')
            check(grown(now, 'lnsd_worker_uplink_packets_total') >= 1, 'packets from the subscriber')
            check(grown(now, 'lnsd_worker_downlink_packets_total') >= 1, 'packets to the subscriber')
            client.session.disconnect()
    eventually(lambda: total(scrape(lab), 'lnsd_sessions') == 0, 'the session is gone from the metrics')


@case
def every_drop_reason_has_its_sample(lab, state):
    rows = {row['reason'] for row in state.lnsd.ctl('show', 'drops', '--all')}
    check_equal({labels['reason'] for labels, _ in scrape(lab)['lnsd_dropped_packets_total']}, rows, 'reasons')


main(setup, finish=dial.finish)
