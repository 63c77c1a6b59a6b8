/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What both directions of AES-GCM in transport mode over IPv4 without options have in common.
 *
 * They are compiled twice: with libipsec-mb's AES-GCM, and (GCM_VAES, with instructions that not every CPU has)
 * with our own, whose functions have other names.
 */
#pragma once

#include "esp_burst.h"
#include "esp_wire.h"

#ifdef GCM_VAES
#include "gcm_vaes.h"
#define inbound_gcm  inbound_gcm_vaes
#define outbound_gcm outbound_gcm_vaes
#else
#include "gcm_ipsec_mb.h"
#endif

#include <rte_vect.h>

#define IP_HEADER 20
#define GCM_IV    8
#define GCM_ICV   16

/* Native ESP: from the IP header to the text. */
#define GCM_FRONT (IP_HEADER + ESP_HEADER + GCM_IV)

/* Rounds of AES, by key_class. */
#define GCM_ROUNDS_128 10
#define GCM_ROUNDS_192 12
#define GCM_ROUNDS_256 14
