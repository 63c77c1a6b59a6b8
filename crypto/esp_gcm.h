/* SPDX-License-Identifier: BSD-3-Clause */
/* What both directions of AES-GCM in transport mode over IPv4 without options have in common. */
#pragma once

#include "esp_burst.h"
#include "esp_wire.h"

#include <rte_vect.h>

#define IP_HEADER 20
#define GCM_IV    8
#define GCM_ICV   16

/* Native ESP: from the IP header to the text. */
#define GCM_FRONT (IP_HEADER + ESP_HEADER + GCM_IV)
