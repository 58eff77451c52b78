/*
 * The balancing method `ringway` of nginx's upstream: a request goes to the server that owns its
 * key, by the same map as everywhere else Ringway runs.
 *
 *     ringway key=EXPRESSION [layout=NAME | file=CLUSTER_FILE] [pinned];
 *
 * The configuration gives a table (ringway.h), which lives as long as the configuration's pool. A
 * request looks its owner up once; a node's index leads to its peers without a search. The walk is
 * asked only when the owner cannot be.
 */

#include "ngx_http_upstream_ringway.h"


/* Longer explanations of the library are cut. */
#define RINGWAY_MESSAGE_SIZE  1024


static char *ringway_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static void *ringway_create_conf(ngx_conf_t *cf);
static ngx_int_t ringway_add_variables(ngx_conf_t *cf);
static ngx_int_t ringway_init_process(ngx_cycle_t *cycle);
static ngx_int_t ringway_init_upstream(ngx_conf_t *cf, ngx_http_upstream_srv_conf_t *us);
static ngx_int_t ringway_build(ngx_conf_t *cf, ngx_http_upstream_srv_conf_t *us,
    ringway_srv_conf_t *rcf);
static ngx_str_t *ringway_repeated(ngx_http_upstream_srv_conf_t *us);
static ngx_int_t ringway_map_nodes(ngx_conf_t *cf, ngx_http_upstream_srv_conf_t *us,
    ringway_srv_conf_t *rcf);
static ngx_int_t ringway_set_node(ngx_conf_t *cf, ngx_http_upstream_srv_conf_t *us,
    ringway_srv_conf_t *rcf, ngx_http_upstream_server_t *server, ngx_uint_t first);
static void ringway_free_table(void *data);


static ngx_command_t  ringway_commands[] = {

    { ngx_string("ringway"),
      NGX_HTTP_UPS_CONF|NGX_CONF_1MORE,
      ringway_directive,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ringway_module_ctx = {
    ringway_add_variables,                 /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    ringway_create_conf,                   /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_upstream_ringway_module = {
    NGX_MODULE_V1,
    &ringway_module_ctx,                   /* module context */
    ringway_commands,                      /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ringway_init_process,                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static char *
ringway_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ringway_srv_conf_t                 *rcf = conf;
    ngx_str_t                          *value, key;
    ngx_uint_t                          i;
    ngx_http_upstream_srv_conf_t       *us;
    ngx_http_compile_complex_value_t    ccv;

    if (rcf->conf_file) {
        return "is duplicate";
    }

    rcf->conf_file = cf->conf_file->file.name.data;
    rcf->conf_line = cf->conf_file->line;

    value = cf->args->elts;
    ngx_str_null(&key);

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_strncmp(value[i].data, "key=", 4) == 0 && key.data == NULL) {
            key.data = value[i].data + 4;
            key.len = value[i].len - 4;

        } else if (ngx_strncmp(value[i].data, "layout=", 7) == 0 && rcf->layout.data == NULL) {
            rcf->layout.data = value[i].data + 7;
            rcf->layout.len = value[i].len - 7;

        } else if (ngx_strncmp(value[i].data, "file=", 5) == 0 && rcf->file.data == NULL) {
            rcf->file.data = value[i].data + 5;
            rcf->file.len = value[i].len - 5;

        } else if (ngx_strcmp(value[i].data, "pinned") == 0 && !rcf->pinned) {
            rcf->pinned = 1;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "ringway: unknown or repeated parameter \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    if (key.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "ringway: no key, as in \"key=$arg_user\"");
        return NGX_CONF_ERROR;
    }

    if (rcf->file.data && rcf->layout.data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "ringway: both file and layout; the layout stands in the file");
        return NGX_CONF_ERROR;
    }

    if (rcf->file.data) {
        if (rcf->file.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "ringway: the name of the file is empty");
            return NGX_CONF_ERROR;
        }

        if (ngx_conf_full_name(cf->cycle, &rcf->file, 1) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

    } else if (rcf->layout.data == NULL) {
        ngx_str_set(&rcf->layout, "ringway-v1");
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));
    ccv.cf = cf;
    ccv.value = &key;
    ccv.complex_value = &rcf->key;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    us = ngx_http_conf_get_module_srv_conf(cf, ngx_http_upstream_module);

    if (us->peer.init_upstream) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0, "load balancing method redefined");
    }

    us->peer.init_upstream = ringway_init_upstream;

    /* no backup: a key has its walk */
    us->flags = NGX_HTTP_UPSTREAM_CREATE
                |NGX_HTTP_UPSTREAM_WEIGHT
                |NGX_HTTP_UPSTREAM_MAX_CONNS
                |NGX_HTTP_UPSTREAM_MAX_FAILS
                |NGX_HTTP_UPSTREAM_FAIL_TIMEOUT
                |NGX_HTTP_UPSTREAM_DOWN;

    return NGX_CONF_OK;
}


static void *
ringway_create_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ringway_srv_conf_t));
}


static ngx_int_t
ringway_add_variables(ngx_conf_t *cf)
{
    ngx_str_t             name = ngx_string("ringway_node");
    ngx_http_variable_t  *variable;

    variable = ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_NOCACHEABLE);
    if (variable == NULL) {
        return NGX_ERROR;
    }

    variable->get_handler = ngx_http_upstream_ringway_node;

    return NGX_OK;
}


/* Each worker learns where the peers are, which `zone` moves after the configuration was read. */

static ngx_int_t
ringway_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                       i, n;
    ringway_srv_conf_t              *rcf;
    ngx_http_upstream_rr_peer_t     *peer;
    ngx_http_upstream_rr_peers_t    *peers;
    ngx_http_upstream_srv_conf_t   **us;
    ngx_http_upstream_main_conf_t   *umcf;

    umcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_upstream_module);
    if (umcf == NULL) {
        return NGX_OK;
    }

    us = umcf->upstreams.elts;

    for (i = 0; i < umcf->upstreams.nelts; i++) {
        if (us[i]->srv_conf == NULL) {
            continue;
        }

        rcf = ngx_http_conf_upstream_srv_conf(us[i], ngx_http_upstream_ringway_module);
        if (rcf->table == NULL) {
            continue;
        }

        peers = us[i]->peer.data;

        rcf->peers = ngx_palloc(cycle->pool, peers->number * sizeof(*rcf->peers));
        if (rcf->peers == NULL) {
            return NGX_ERROR;
        }

        for (peer = peers->peer, n = 0; peer && n < peers->number; peer = peer->next) {
            rcf->peers[n++] = peer;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ringway_init_upstream(ngx_conf_t *cf, ngx_http_upstream_srv_conf_t *us)
{
    ngx_uint_t                     i;
    ringway_srv_conf_t            *rcf;
    ngx_pool_cleanup_t            *cleanup;
    ngx_http_upstream_server_t    *server;
    ngx_http_upstream_rr_peers_t  *peers;

    rcf = ngx_http_conf_upstream_srv_conf(us, ngx_http_upstream_ringway_module);

    if (us->servers) {
        server = us->servers->elts;

        /* written before the directive, which nginx then does not refuse by itself */
        for (i = 0; i < us->servers->nelts; i++) {
            if (server[i].backup) {
                ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                              "ringway: server \"%V\" is a backup, which owns no key, "
                              "in upstream \"%V\" in %s:%ui",
                              &server[i].name, &us->host, rcf->conf_file, rcf->conf_line);
                return NGX_ERROR;
            }
        }
    }

    if (ngx_http_upstream_init_round_robin(cf, us) != NGX_OK) {
        return NGX_ERROR;
    }

    us->peer.init = ngx_http_upstream_ringway_init_peer;

    if (rcf->pinned) {
        /* nginx keeps no account of a single server, and would ask it even if it failed */
        peers = us->peer.data;
        peers->single = 0;
    }

    cleanup = ngx_pool_cleanup_add(cf->pool, 0);
    if (cleanup == NULL) {
        return NGX_ERROR;
    }

    if (ringway_build(cf, us, rcf) != NGX_OK) {
        return NGX_ERROR;
    }

    cleanup->handler = ringway_free_table;
    cleanup->data = (void *) rcf->table;

    return ringway_map_nodes(cf, us, rcf);
}


static ngx_int_t
ringway_build(ngx_conf_t *cf, ngx_http_upstream_srv_conf_t *us, ringway_srv_conf_t *rcf)
{
    char                         message[RINGWAY_MESSAGE_SIZE];
    ngx_uint_t                   i;
    ringway_status               status;
    ringway_builder             *builder;
    ngx_http_upstream_server_t  *server;

    message[0] = '\0';
    builder = NULL;

    if (rcf->file.data) {
        status = ringway_table_from_cluster_file(rcf->file.data, rcf->file.len,
                                                 message, sizeof(message), NULL, &rcf->table);
        goto done;
    }

    status = ringway_builder_new(rcf->layout.data, rcf->layout.len, &builder);

    if (status == RINGWAY_STATUS_UNKNOWN_LAYOUT) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "ringway: unknown layout \"%V\" in upstream \"%V\" in %s:%ui",
                      &rcf->layout, &us->host, rcf->conf_file, rcf->conf_line);
        return NGX_ERROR;
    }

    server = us->servers->elts;

    for (i = 0; status == RINGWAY_STATUS_OK && i < us->servers->nelts; i++) {
        status = ringway_builder_add_node(builder, server[i].name.data, server[i].name.len,
                                          (uint32_t) server[i].weight, NULL, 0,
                                          server[i].down ? RINGWAY_STATE_DOWN : RINGWAY_STATE_UP);
    }

    if (status == RINGWAY_STATUS_OK) {
        status = ringway_builder_build(builder, message, sizeof(message), NULL, &rcf->table);
    }

    ringway_builder_free(builder);

done:

    if (status == RINGWAY_STATUS_OK) {
        return NGX_OK;
    }

    if (status == RINGWAY_STATUS_DUPLICATE_NAME && rcf->file.data == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "ringway: two servers \"%V\" in upstream \"%V\" in %s:%ui",
                      ringway_repeated(us), &us->host, rcf->conf_file, rcf->conf_line);
        return NGX_ERROR;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "ringway: %s%s%V in upstream \"%V\" in %s:%ui",
                  message[0] ? message : ringway_status_message(status),
                  rcf->file.data ? ", file " : "", &rcf->file,
                  &us->host, rcf->conf_file, rcf->conf_line);

    return NGX_ERROR;
}


/* The name of a server that another one before it has. */

static ngx_str_t *
ringway_repeated(ngx_http_upstream_srv_conf_t *us)
{
    ngx_uint_t                   i, j;
    ngx_http_upstream_server_t  *server;

    server = us->servers->elts;

    for (i = 1; i < us->servers->nelts; i++) {
        for (j = 0; j < i; j++) {
            if (server[i].name.len == server[j].name.len
                && ngx_strncmp(server[i].name.data, server[j].name.data, server[i].name.len) == 0)
            {
                return &server[i].name;
            }
        }
    }

    return &server[0].name;
}


/* Each node of the table has exactly one server of its name. */

static ngx_int_t
ringway_map_nodes(ngx_conf_t *cf, ngx_http_upstream_srv_conf_t *us, ringway_srv_conf_t *rcf)
{
    size_t                       len;
    uint32_t                     index, state;
    ngx_uint_t                   i, first;
    ringway_node_t              *node;
    const uint8_t               *name;
    ngx_http_upstream_server_t  *server;

    if (ringway_table_node_count(rcf->table, &rcf->node_count) != RINGWAY_STATUS_OK) {
        return NGX_ERROR;
    }

    rcf->nodes = ngx_pcalloc(cf->pool, (rcf->node_count + 1) * sizeof(ringway_node_t));
    if (rcf->nodes == NULL) {
        return NGX_ERROR;
    }

    server = us->servers->elts;
    first = 0;

    for (i = 0; i < us->servers->nelts; i++) {
        if (ringway_set_node(cf, us, rcf, &server[i], first) != NGX_OK) {
            return NGX_ERROR;
        }

        first += server[i].naddrs;
    }

    for (index = 0; index < rcf->node_count; index++) {
        node = &rcf->nodes[index];

        if (ringway_table_node_name(rcf->table, index, &name, &len) != RINGWAY_STATUS_OK
            || ringway_table_node_state(rcf->table, index, &state) != RINGWAY_STATUS_OK)
        {
            return NGX_ERROR;
        }

        if (node->count == 0) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "ringway: node \"%*s\" of file %V has no server of that name "
                          "in upstream \"%V\" in %s:%ui",
                          len, name, &rcf->file, &us->host, rcf->conf_file, rcf->conf_line);
            return NGX_ERROR;
        }

        node->down = (state == RINGWAY_STATE_DOWN);
    }

    return NGX_OK;
}


static ngx_int_t
ringway_set_node(ngx_conf_t *cf, ngx_http_upstream_srv_conf_t *us, ringway_srv_conf_t *rcf,
    ngx_http_upstream_server_t *server, ngx_uint_t first)
{
    uint32_t         index, weight;
    ringway_node_t  *node;

    if (ringway_table_index_of(rcf->table, server->name.data, server->name.len, &index)
        != RINGWAY_STATUS_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "ringway: server \"%V\" is no node of file %V in upstream \"%V\" in %s:%ui",
                      &server->name, &rcf->file, &us->host, rcf->conf_file, rcf->conf_line);
        return NGX_ERROR;
    }

    node = &rcf->nodes[index];

    if (node->count) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "ringway: two servers \"%V\" in upstream \"%V\" in %s:%ui",
                      &server->name, &us->host, rcf->conf_file, rcf->conf_line);
        return NGX_ERROR;
    }

    if (rcf->file.data && server->weight != 1
        && (ringway_table_node_weight(rcf->table, index, &weight) != RINGWAY_STATUS_OK
            || weight != (uint32_t) server->weight))
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "ringway: server \"%V\" has another weight than in file %V "
                      "in upstream \"%V\" in %s:%ui",
                      &server->name, &rcf->file, &us->host, rcf->conf_file, rcf->conf_line);
        return NGX_ERROR;
    }

    node->name = server->name;
    node->first = first;
    node->count = server->naddrs;

    return NGX_OK;
}


static void
ringway_free_table(void *data)
{
    ringway_table_free(data);
}
