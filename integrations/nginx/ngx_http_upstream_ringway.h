/*
 * What the module's two parts share: ngx_http_upstream_ringway_module.c reads the configuration,
 * ngx_http_upstream_ringway_peer.c serves requests.
 */

#ifndef NGX_HTTP_UPSTREAM_RINGWAY_H
#define NGX_HTTP_UPSTREAM_RINGWAY_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <ringway.h>


/* A node of the table, by its index: its peers stand one after the other. */
typedef struct {
    ngx_str_t                           name;
    ngx_uint_t                          first;   /* place of its first peer among all */
    ngx_uint_t                          count;   /* how many: the addresses of its name */
    unsigned                            down:1;  /* state = "down" in the cluster file */
} ringway_node_t;


typedef struct {
    ngx_http_complex_value_t            key;
    ngx_str_t                           layout;
    ngx_str_t                           file;
    u_char                             *conf_file;  /* where the directive stands */
    ngx_uint_t                          conf_line;
    unsigned                            pinned:1;

    const ringway_table                *table;
    ringway_node_t                     *nodes;
    uint32_t                            node_count;

    /* The peers by place: in shared memory with `zone`, so known only once the workers start. */
    ngx_http_upstream_rr_peer_t       **peers;
} ringway_srv_conf_t;


extern ngx_module_t  ngx_http_upstream_ringway_module;

/* peer.init of the upstream: looks the owner up. */
ngx_int_t ngx_http_upstream_ringway_init_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us);

/* $ringway_node */
ngx_int_t ngx_http_upstream_ringway_node(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data);

#endif
