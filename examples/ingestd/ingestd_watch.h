/* What solid_ingestd shows while it runs: /metrics, /health/live and /health/ready at --listen. A build without HTTP
 * refuses --listen. */
#ifndef EXAMPLES_INGESTD_INGESTD_WATCH_H
#define EXAMPLES_INGESTD_INGESTD_WATCH_H

#include "examples/ingestd/ingestd_live.h"
#include "ingest/ingest_stats.h"
#include "solid/pipeline.h"

typedef struct ingestd_watch ingestd_watch;

/* Before a model is loaded: can it listen there? NULL = need not. EINVAL: not an address. EIO: not there. EUNSUPPORTED.
 */
solid_status ingestd_watch_check(const char *listen);

/* Watches a pipeline and its store, which it only reads, and the rule by which parameters are made; all borrowed. If
 * `listen` is NULL, so is *out. EUNSUPPORTED: built without HTTP. */
solid_status ingestd_watch_open(ingestd_watch **out, const char *listen, solid_pipeline *pipeline, solid_store *store,
                                const solid_generate *how);
void ingestd_watch_close(ingestd_watch *watch); /* NULL is a no-op */

/* A solid_sink_fn with an ingestd_watch: pushes into the pipeline, and notes how old the events were when their windows
 * and their parameters were stored. */
solid_status ingestd_watch_push(void *watch, const solid_event *events, size_t n, solid_status *verdicts);

/* Takes the source's counters and the live generation; on the thread that runs the source, like the push. */
void ingestd_watch_note(ingestd_watch *watch, const solid_ingest_stats *stats, const ingestd_live *live);

#endif
