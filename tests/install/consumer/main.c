/* A foreign program: sees only what is installed. */
#include <solid/solid.h>
#include <stdio.h>
#include <store/memory_store.h>

/* The archives use these names among themselves. */
int sk_fail, sk_backend_find, sol_arena_take, sol_table_find;

int main(void) {
  solid_context *ctx = NULL;
  if (solid_context_new(&ctx, NULL) != SOLID_OK) {
    fprintf(stderr, "%s\n", solid_last_error());
    return 1;
  }
  solid_model *model = NULL;
  solid_status status = solid_model_load(&model, ctx, "no-such-file.safetensors");
  printf("%s: %s: %s\n", solid_version(), solid_status_name(status), solid_last_error());
  solid_context_free(ctx);
  return status == SOLID_EIO ? 0 : 1;
}
