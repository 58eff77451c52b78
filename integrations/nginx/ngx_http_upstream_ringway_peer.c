/*
 * A request's way to a peer: its key's owner is looked up once, and leads to its peers by index.
 */

#include "ngx_http_upstream_ringway.h"


/* How many nodes are asked for when the first cannot be; four times as many at each next time. */
#define RINGWAY_FIRST_WALK  4


/* Of one request; also its context, for $ringway_node. */
typedef struct {
    /* the round robin data must be first */
    ngx_http_upstream_rr_peer_data_t    rrp;
    ngx_http_request_t                 *request;
    ringway_srv_conf_t                 *conf;
    ngx_str_t                           key;
    ringway_node_t                     *node;      /* the one asked last */
    uint32_t                            owner;     /* RINGWAY_NO_NODE: nobody */
    ngx_uint_t                          position;  /* in the walk: 0 is the owner */
    uint32_t                           *walk;
    size_t                              walked;    /* elements of walk */
    size_t                              asked;     /* how many were asked for */
} ringway_peer_data_t;


static ngx_int_t ringway_get_peer(ngx_peer_connection_t *pc, void *data);
static ringway_node_t *ringway_node_at(ringway_peer_data_t *rp, ngx_uint_t position);
static ngx_http_upstream_rr_peer_t *ringway_choose(ringway_peer_data_t *rp, ringway_node_t *node);
static ngx_int_t ringway_refuse(ringway_peer_data_t *rp, ngx_uint_t status);


ngx_int_t
ngx_http_upstream_ringway_node(ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data)
{
    ringway_peer_data_t  *rp;

    rp = ngx_http_get_module_ctx(r, ngx_http_upstream_ringway_module);

    if (rp == NULL || rp->node == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;
    v->len = rp->node->name.len;
    v->data = rp->node->name.data;

    return NGX_OK;
}


ngx_int_t
ngx_http_upstream_ringway_init_peer(ngx_http_request_t *r, ngx_http_upstream_srv_conf_t *us)
{
    ringway_status        status;
    ringway_srv_conf_t   *rcf;
    ringway_peer_data_t  *rp;

    rcf = ngx_http_conf_upstream_srv_conf(us, ngx_http_upstream_ringway_module);

    rp = ngx_pcalloc(r->pool, sizeof(ringway_peer_data_t));
    if (rp == NULL) {
        return NGX_ERROR;
    }

    r->upstream->peer.data = &rp->rrp;

    if (ngx_http_upstream_init_round_robin_peer(r, us) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_complex_value(r, &rcf->key, &rp->key) != NGX_OK) {
        return NGX_ERROR;
    }

    rp->request = r;
    rp->conf = rcf;
    rp->owner = RINGWAY_NO_NODE;

    if (rp->key.len) {
        status = ringway_table_owner(rcf->table, rp->key.data, rp->key.len, &rp->owner);

        if (status != RINGWAY_STATUS_OK && status != RINGWAY_STATUS_NO_OWNER) {
            ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0, "ringway: %s",
                          ringway_status_message(status));
            return NGX_ERROR;
        }
    }

    if (rcf->pinned) {
        /* so that after the owner's last address failed, the answer is this module's */
        r->upstream->peer.tries++;
    }

    r->upstream->peer.get = ringway_get_peer;
    ngx_http_set_ctx(r, rp, ngx_http_upstream_ringway_module);

    return NGX_OK;
}


static ngx_int_t
ringway_get_peer(ngx_peer_connection_t *pc, void *data)
{
    ringway_peer_data_t          *rp = data;

    ringway_node_t               *node;
    ngx_http_upstream_rr_peer_t  *peer;

    pc->cached = 0;
    pc->connection = NULL;
    pc->name = rp->rrp.peers->name;

    if (rp->key.len == 0) {
        ngx_log_error(NGX_LOG_ERR, pc->log, 0, "ringway: the key is empty");
        return ringway_refuse(rp, NGX_HTTP_BAD_REQUEST);
    }

    if (rp->owner == RINGWAY_NO_NODE) {
        ngx_log_error(NGX_LOG_ERR, pc->log, 0, "ringway: no node owns the key");
        return ringway_refuse(rp, NGX_HTTP_SERVICE_UNAVAILABLE);
    }

    for ( ;; ) {
        node = ringway_node_at(rp, rp->position);
        if (node == NULL) {
            return NGX_BUSY;
        }

        rp->node = node;

        ngx_http_upstream_rr_peers_wlock(rp->rrp.peers);
        peer = ringway_choose(rp, node);

        if (peer) {
            rp->rrp.current = peer;
            pc->sockaddr = peer->sockaddr;
            pc->socklen = peer->socklen;
            pc->name = &peer->name;
        }

        ngx_http_upstream_rr_peers_unlock(rp->rrp.peers);

        if (peer) {
            ngx_log_debug2(NGX_LOG_DEBUG_HTTP, pc->log, 0, "ringway: node \"%V\", position %ui",
                           &node->name, rp->position);
            return NGX_OK;
        }

        if (rp->conf->pinned) {
            ngx_log_error(NGX_LOG_ERR, pc->log, 0,
                          "ringway: node \"%V\" owns the key and cannot be asked", &node->name);
            return ringway_refuse(rp, NGX_HTTP_SERVICE_UNAVAILABLE);
        }

        rp->position++;
    }
}


/* The node at that place of the key's walk; NULL after the last, or without memory. */

static ringway_node_t *
ringway_node_at(ringway_peer_data_t *rp, ngx_uint_t position)
{
    size_t  capacity;

    if (position == 0) {
        return &rp->conf->nodes[rp->owner];
    }

    while (position >= rp->walked) {
        if (rp->asked >= rp->conf->node_count || rp->walked < rp->asked) {
            return NULL;
        }

        capacity = rp->asked ? rp->asked * 4 : RINGWAY_FIRST_WALK;
        capacity = ngx_min(capacity, rp->conf->node_count);

        rp->walk = ngx_palloc(rp->request->pool, capacity * sizeof(uint32_t));
        if (rp->walk == NULL
            || ringway_table_walk(rp->conf->table, rp->key.data, rp->key.len,
                                  rp->walk, capacity, &rp->walked)
               != RINGWAY_STATUS_OK)
        {
            rp->walked = 0;
            rp->asked = rp->conf->node_count;
            return NULL;
        }

        rp->asked = capacity;
    }

    return &rp->conf->nodes[rp->walk[position]];
}


/* One of a node's addresses, in turn, if any can be asked now and was not yet. The caller locks. */

static ngx_http_upstream_rr_peer_t *
ringway_choose(ringway_peer_data_t *rp, ringway_node_t *node)
{
    time_t                        now;
    ngx_int_t                     total;
    uintptr_t                     bit;
    ngx_uint_t                    i, word, best_place;
    ngx_http_upstream_rr_peer_t  *peer, *best;

    if (node->down) {
        return NULL;
    }

    now = ngx_time();
    best = NULL;
    best_place = 0;
    total = 0;

    for (i = node->first; i < node->first + node->count; i++) {
        peer = rp->conf->peers[i];
        word = i / (8 * sizeof(uintptr_t));
        bit = (uintptr_t) 1 << i % (8 * sizeof(uintptr_t));

        if ((rp->rrp.tried[word] & bit) || peer->down) {
            continue;
        }

        if (peer->max_fails
            && peer->fails >= peer->max_fails
            && now - peer->checked <= peer->fail_timeout)
        {
            continue;
        }

        if (peer->max_conns && peer->conns >= peer->max_conns) {
            continue;
        }

        peer->current_weight += peer->effective_weight;
        total += peer->effective_weight;

        if (peer->effective_weight < peer->weight) {
            peer->effective_weight++;
        }

        if (best == NULL || peer->current_weight > best->current_weight) {
            best = peer;
            best_place = i;
        }
    }

    if (best == NULL) {
        return NULL;
    }

    best->current_weight -= total;
    best->conns++;

    if (now - best->checked > best->fail_timeout) {
        best->checked = now;
    }

    rp->rrp.tried[best_place / (8 * sizeof(uintptr_t))] |=
                                    (uintptr_t) 1 << best_place % (8 * sizeof(uintptr_t));

    return best;
}


/*
 * Ends the request with that status. For a method that has no peer, nginx itself knows 502 only.
 * So the upstream part is finished first, as nginx does before it starts another one, and then the
 * request. What is returned makes nginx finish the upstream part once more, which it takes for done.
 * Each of the three gives a reference to the request back, of which one was there.
 */

static ngx_int_t
ringway_refuse(ringway_peer_data_t *rp, ngx_uint_t status)
{
    ngx_http_request_t   *r = rp->request;
    ngx_http_upstream_t  *u = r->upstream;

    if (u->cleanup == NULL) {
        return NGX_ERROR;
    }

    if (u->state) {
        u->state->status = status;
    }

    r->main->count += 2;
    (*u->cleanup)(r);
    ngx_http_finalize_request(r, status);

    return NGX_ERROR;
}
