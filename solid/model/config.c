#include "solid/model/config.h"
#include "solid/extend.h"
#include <math.h>

#define MAX_ITEMS    0x7fffffffU
#define MAX_WIDTH    1024
#define MAX_WINDOW   131072
#define MOST_LEARNED 4096
#define MAX_CODES    65536
#define MAX_LIST     8192
#define MAX_CONTENT  65536

static solid_status check_range(const char *name, uint32_t value, uint32_t least, uint32_t most) {
  if (value >= least && value <= most) return SOLID_OK;
  return solid_fail(SOLID_ERANGE, "config: %s is %u, must be %u to %u", name, value, least, most);
}

static solid_status check_slate(const sol_config *config) {
  uint32_t there = config->slate_rows > 0, items = config->items;
  solid_status status = check_range("slate_blocks", config->slate_blocks, there, there ? SOL_MAX_BLOCKS : 0);
  if (!status) status = check_range("slate_collisions", config->slate_collisions, there, there ? items : 0);
  if (!status) status = check_range("slate_near", config->slate_near, 0, there);
  if (!status && there && !config->levels)
    return solid_fail(SOLID_EINVAL, "config: slates of %u rows need semantic codes, levels is 0", config->slate_rows);
  return status;
}

/* Numbers of the rule that do not go together with sparse attention, or are there without. */
static solid_status check_selector(const sol_config *config) {
  uint32_t there = config->attention == SOL_ATTENTION_SPARSE, any = there ? MAX_WINDOW : 0;
  const struct {
    const char *name;
    uint32_t value, least, most;
  } ranges[] = {{"select_chunk", config->select_chunk, there, any},
                {"select_sink", config->select_sink, 0, any},
                {"select_window", config->select_window, 0, any},
                {"select_recent", config->select_recent, 0, config->select_chunk},
                {"select_stride", config->select_stride, 0, any},
                {"select_budget", config->select_budget, 0, any},
                {"select_dense_below", config->select_dense_below, 0, any},
                {"select_mass", config->select_mass, 0, there ? 1000 : 0}};
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
    solid_status status = check_range(ranges[i].name, ranges[i].value, ranges[i].least, ranges[i].most);
    if (status) return status;
  }
  const sk_select_rule rule = sol_config_rule(config);
  int32_t room = there ? sk_select_room(&rule) : 0;
  if (room > MAX_LIST)
    return solid_fail(SOLID_ERANGE,
                      "config: a list of select_budget %u or select_dense_below %u, and a chunk of %u, may "
                      "need %d keys, at most %d",
                      config->select_budget, config->select_dense_below, config->select_chunk, room, MAX_LIST);
  if (there && !config->select_recent && !config->select_stride)
    return solid_fail(SOLID_EINVAL, "config: select_recent and select_stride are 0: no row would say what is kept");
  return SOLID_OK;
}

solid_status sol_config_check(const sol_config *config) {
  const struct {
    const char *name;
    uint32_t value, least, most;
  } ranges[] = {
      {"items", config->items, 1, MAX_ITEMS},
      {"width", config->width, 1, MAX_WIDTH},
      {"window", config->window, 1, MAX_WINDOW},
      {"blocks", config->blocks, 1, SOL_MAX_BLOCKS},
      {"heads", config->heads, 1, MAX_WIDTH},
      {"levels", config->levels, 0, SOL_MAX_LEVELS},
      {"rank", config->rank, 0, config->width},
      {"codes", config->codes, config->levels ? 1 : 0, MAX_CODES},
      {"content", config->content, 0, MAX_CONTENT},
      {"content_given", config->content_given, 0, MAX_CONTENT},
      {"attributes", config->attributes, 0, MAX_ITEMS},
      {"slots", config->slots, 0, SOL_MAX_SLOTS},
      {"positions", config->positions, 0, SOL_POSITIONS_DISTANCE},
      {"turned", config->turned, 0,
       config->positions == SOL_POSITIONS_ROTARY && config->heads ? config->width / config->heads : 0},
      {"generator_window", config->generator_window, 0, config->window - 1},
      {"attention", config->attention, 0, SOL_ATTENTION_SPARSE},
      {"slate_rows", config->slate_rows, 0, SOL_MAX_SLATE_ROWS},
  };
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
    solid_status status = check_range(ranges[i].name, ranges[i].value, ranges[i].least, ranges[i].most);
    if (status) return status;
  }
  if (config->width % config->heads)
    return solid_fail(SOLID_EINVAL, "config: width %u is not a multiple of heads %u", config->width, config->heads);
  if (config->positions == SOL_POSITIONS_LEARNED && config->window > MOST_LEARNED)
    return solid_fail(
        SOLID_EINVAL,
        "config: positions are learned, for a window of up to %d; of %u they must not shift (rotary, or by "
        "distance)",
        MOST_LEARNED, config->window);
  if ((int)config->head < SOLID_HEAD_STATIC || (int)config->head > SOLID_HEAD_SOLID)
    return solid_fail(SOLID_EINVAL, "config: head is %d, must be %d to %d", (int)config->head, SOLID_HEAD_STATIC,
                      SOLID_HEAD_SOLID);
  if (sol_config_has_semantic_branch(config) && !config->levels)
    return solid_fail(SOLID_EINVAL,
                      "config: head %s needs semantic codes, levels is 0: take --levels 1 or more, or a head without "
                      "them (static, duet)",
                      solid_head_name(config->head));
  if (config->content_attributes > config->content || config->content_vectors > config->content ||
      config->content_attributes + config->content_vectors > config->content ||
      config->content_given < config->content_vectors || !config->content_given != !config->content_vectors)
    return solid_fail(SOLID_EINVAL, "config: content %u of attributes %u and of vectors %u, made of %u",
                      config->content, config->content_attributes, config->content_vectors, config->content_given);
  if (config->content && !config->levels)
    return solid_fail(SOLID_EINVAL, "config: content is %u but levels is 0", config->content);
  if (!config->attributes != !config->slots || (config->attributes && !config->levels))
    return solid_fail(SOLID_EINVAL, "config: %u attributes in %u slots an item and %u levels: all or none",
                      config->attributes, config->slots, config->levels);
  if (sol_config_has_item_branch(config) && !(config->clip > 0.0f))
    return solid_fail(SOLID_ERANGE, "config: clip is %g, must be above 0", (double)config->clip);
  solid_status status = check_selector(config);
  return status ? status : check_slate(config);
}

int sol_config_has_item_branch(const sol_config *config) {
  return config->head == SOLID_HEAD_DUET || config->head == SOLID_HEAD_SOLID;
}

int sol_config_has_semantic_branch(const sol_config *config) {
  return config->head == SOLID_HEAD_SEMANTIC || config->head == SOLID_HEAD_SOLID;
}

uint32_t sol_config_layer_width(const sol_config *config) {
  return config->rank ? config->rank : config->width;
}

uint32_t sol_config_layer_params(const sol_config *config) {
  uint32_t side = sol_config_layer_width(config);
  return side * side + side;
}

uint32_t sol_config_params(const sol_config *config) {
  return config->head == SOLID_HEAD_STATIC ? 0 : SOL_GENERATED_LAYERS * sol_config_layer_params(config);
}

sk_select_rule sol_config_rule(const sol_config *config) {
  return (sk_select_rule){.chunk = (int32_t)config->select_chunk,
                          .sink = (int32_t)config->select_sink,
                          .window = (int32_t)config->select_window,
                          .recent = (int32_t)config->select_recent,
                          .stride = (int32_t)config->select_stride,
                          .budget = (int32_t)config->select_budget,
                          .dense_below = (int32_t)config->select_dense_below,
                          .p = (float)config->select_mass / 1000.0f};
}

uint32_t sol_config_slate_heads(const sol_config *config) {
  return config->slate_rows ? 1 + config->slate_near : 0;
}

uint32_t sol_config_slate_codes(const sol_config *config) {
  return config->slate_rows ? config->levels * config->codes + config->slate_collisions : 0;
}

const char *solid_head_name(uint32_t head) {
  switch (head) {
  case SOLID_HEAD_STATIC:
    return "static";
  case SOLID_HEAD_DUET:
    return "duet";
  case SOLID_HEAD_SEMANTIC:
    return "semantic";
  case SOLID_HEAD_SOLID:
    return "solid";
  }
  return "unknown";
}
