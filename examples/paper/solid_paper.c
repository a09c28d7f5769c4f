/* solid_paper: the models of the SOLID paper under its own protocol. Trains every combination of the lists that it is
 * given, each as often as there are seeds, and prints a table of means and spreads. `solid_eval --protocol paper` reads
 * the model file that a single combination leaves. */
#include "examples/common/config.h"
#include "examples/common/exit.h"
#include "examples/common/load_options.h"
#include "examples/common/program.h"
#include "examples/paper/paper_runs.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>

#define AT(field) .offset = offsetof(paper_arguments, field)
#define TEXT(name_, field, preset_, meaning_, required_)                                                               \
  {                                                                                                                    \
    .name = (name_), .type = SOLID_PROPERTY_STRING, .preset = (preset_), .meaning = (meaning_),                        \
    .required = (required_), AT(field)                                                                                 \
  }
#define WHOLE(name_, field, preset_, min_, max_, meaning_)                                                             \
  {                                                                                                                    \
    .name = (name_), .type = SOLID_PROPERTY_INT, .preset = (preset_), .min = (min_), .max = (max_),                    \
    .meaning = (meaning_), AT(field)                                                                                   \
  }
#define REAL(name_, field, preset_, max_, meaning_)                                                                    \
  {                                                                                                                    \
    .name = (name_), .type = SOLID_PROPERTY_FLOAT, .preset = (preset_), .min = 0, .max = (max_),                       \
    .meaning = (meaning_), AT(field)                                                                                   \
  }

static const solid_property properties[] = {
    TEXT("data", data, NULL, "file of events", 1),
    TEXT("format", format, "auto", "format of the data; auto = decided by its first lines", 0),
    LOAD_READING_PROPERTIES(paper_arguments),
    LOAD_ITEMS_PROPERTIES(paper_arguments),
    TEXT("backbones", backbones, "sasrec", "list of sasrec, gru4rec, din", 0),
    TEXT("heads", heads, "base,duet,solid", "list of base, duet, solid", 0),
    TEXT("forms", forms, "faithful,fixed", "list of faithful (as the authors' code computes), fixed", 0),
    TEXT("seeds", seeds, "0,1,2", "list of seeds of weights and order, one training each", 0),
    WHOLE("jobs", jobs, "1", 1, 256, "trainings at once, each with its own queue on the device"),
    TEXT("out", out, NULL, "model file to write; for a single combination only", 0),
    TEXT("log", log, NULL, "file for one line of JSON per epoch", 0),
    WHOLE("epochs", epochs, "10", 1, 10000, "epochs of each training"),
    WHOLE("first-epochs", first_epochs, "0", 0, 10000, "epochs of the two stages before solid; 0 = as --epochs"),
    WHOLE("batch", batch, "205", 1, 65536, "windows per step, each with 5 candidates"),
    REAL("rate", rate, "0.001", 10, "learning rate of Adam"),
    WHOLE("width", width, "32", 1, 256, "floats of a vector"),
    WHOLE("heads-of-attention", attention, "4", 1, 256, "attention heads of sasrec"),
    WHOLE("window", window, "10", 1, 4096, "newest events that the model reads"),
    WHOLE("clusters", clusters, "80", 1, 65535, "clusters of items, the semantics"),
    {.name = "semantics",
     .type = SOLID_PROPERTY_CHOICE,
     .preset = "items",
     .choices = "items|vectors|attributes",
     .meaning = "what the semantics of solid are: clusters of the items of a duet, clusters of --vectors, or the one "
                "attribute that each item has in --attributes, which gives their number, too",
     AT(source)},
    WHOLE("semantic-rows", semantic_rows, "90", 2, 65536,
          "rows of the semantic table: padding, clusters and unused rows"),
    REAL("clip", clip, "0.01", 1000, "t: bound of the item branch's part of generated weights"),
    REAL("weight", weight, "0.1", 1000, "lambda: weight of the codebook's loss"),
    WHOLE("negatives-seed", negatives, "0", 0, 9007199254740992.0, "seed of the negatives in training and test"),
    WHOLE("threads", threads, "1", 0, 1024, "CPU threads of each training; 0 = all"),
    TEXT("device", device, "cpu", "cpu, cuda or cuda:N", 0),
};

static const solid_need needs[] = {
    LOAD_ITEMS_NEEDS,
    {"attribute-item", "attributes"},
    {"attributes", "semantics=attributes"},
    {"vectors", "semantics=vectors"},
};

static const solid_program program = {
    .name = "solid_paper",
    .summary = "Trains the models of the SOLID paper under its protocol and compares them.",
    .notes =
        "Windows of 10, 4 training and 99 test negatives, the last event of each user is the test. Figures are those\n"
        "after the last epoch; the best test AUC of any epoch, which published figures report, is printed beside them.",
    .exits = HAS_EXIT(SOURCE),
    .cut = "",
    .needs = needs,
    .n_needs = sizeof needs / sizeof *needs,
    .properties = properties,
    .count = sizeof properties / sizeof *properties};

static solid_status run(void *user) {
  const paper_arguments *a = user;
  solid_dataset dataset = {0};
  load_files files = {
      .data = a->data, .format = a->format, .reading = &a->reading, .program = "solid_paper", .items = &a->items};
  paper_runs runs = {0};
  solid_status status = paper_runs_plan(&runs, a);
  if (status == SOLID_OK) program_step(EXIT_SOURCE);
  if (status == SOLID_OK) status = load_history(&dataset, &files);
  if (status == SOLID_OK) status = load_warn("solid_paper", &dataset, &files);
  if (status == SOLID_OK) {
    program_step(EXIT_FAILED);
    printf("%s: %u users, %u items, %zu events\n", a->data, dataset.users, dataset.items, dataset.events);
    status = paper_runs_train(&runs, &dataset);
    if (status == SOLID_EUNSUPPORTED) program_step(EXIT_USAGE); /* a device that is not there */
  }
  if (status == SOLID_OK) paper_runs_print(&runs);
  if (status == SOLID_OK && runs.log != NULL && ferror(runs.log))
    status = solid_fail(SOLID_EIO, "%s: could not be written completely", runs.args->log);
  paper_runs_clear(&runs);
  solid_dataset_clear(&dataset);
  return status;
}

int main(int argc, char **argv) {
  paper_arguments a = {0};
  return program_run(&program, argc, argv, &a, run, &a);
}
