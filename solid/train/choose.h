/* Training options chosen from the facts of a data set, for who does not know which to take. */
#ifndef SOLID_TRAIN_CHOOSE_H
#define SOLID_TRAIN_CHOOSE_H

#include "solid/train/facts.h"
#include "solid/train/options.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SOLID_CHOICE_LINES 3
#define SOLID_CHOICE_TEXT  240

/* Sets the options that depend on the kind of data; the others stay as they are. given (SOLID_TRAIN_OPTIONS_COUNT, in
 * the order of the rows): 1 = the caller's own value, which stays and which the others follow; NULL = none is. room:
 * events of windows, counted again in each epoch, that there is time to learn from, about; 0 = as many as it takes. In
 * a small one steps are smaller, and long histories get a smaller model. `why` receives what was chosen and from which
 * facts, a line each; NULL = not wanted. A function of its arguments alone: the same facts give the same options. The
 * result passes solid_train_options_check if the given values do. */
SOLID_API void solid_train_choose(solid_train_options *options, const unsigned char *given,
                                  const solid_data_facts *facts, double room,
                                  char why[SOLID_CHOICE_LINES][SOLID_CHOICE_TEXT]);

/* Sets average and check, which follow the number of steps, to what they are for options->epochs, as they are above: of
 * a training whose number of epochs changes afterwards. `given` and `facts` as above. */
SOLID_API void solid_train_choose_pace(solid_train_options *options, const unsigned char *given,
                                       const solid_data_facts *facts);

#ifdef __cplusplus
}
#endif
#endif
