/** All that is tried, by topic. */
import type { Topic } from "./attack.js";
import * as chroma from "./cases/chroma.js";
import * as others from "./cases/others.js";
import * as qdrant from "./cases/qdrant.js";
import * as search from "./cases/search.js";

export const topics: readonly Topic[] = [
  {
    title: "filters that widen by or",
    then: "the caller's filter and policy's must both hold: neither stands within the other",
    attacks: [
      ...qdrant.qdrantWidening,
      ...chroma.chromaWidening,
      ...search.searchWidening,
      ...others.otherWidening,
    ],
  },
  {
    title: "fields that are missing or null, and negations",
    then: "what isn't there is nobody's: it is given to nobody",
    attacks: [
      ...qdrant.qdrantMissing,
      ...chroma.chromaMissing,
      ...search.searchMissing,
      ...others.otherMissing,
    ],
  },
  {
    title: "values of another type, lists, objects",
    then: "a field has one type; what is of another is missing",
    attacks: [...qdrant.qdrantTypes, ...chroma.chromaTypes, ...search.searchTypes, ...others.otherTypes],
  },
  {
    title: "filters where they aren't expected",
    then: "policy's filter stands at each level at which candidates are chosen; a place that isn't known is refused",
    attacks: [...qdrant.qdrantPlaces, ...chroma.chromaPlaces, ...search.searchPlaces, ...others.otherPlaces],
  },
  {
    title: "scripts and queries that reach elsewhere",
    then: "refused: what is run, or read from another index, can't be narrowed",
    attacks: [...search.searchScripts],
  },
  {
    title: "other collections, aliases, joins",
    then: "a collection is one of the configuration's, to the letter",
    attacks: [
      ...qdrant.qdrantElsewhere,
      ...chroma.chromaElsewhere,
      ...search.searchElsewhere,
      ...others.otherElsewhere,
    ],
  },
  {
    title: "hidden fields and vectors",
    then: "they are in no answer, and no query may be ordered, grouped or filtered by them",
    attacks: [...qdrant.qdrantHidden, ...chroma.chromaHidden, ...search.searchHidden, ...others.otherHidden],
  },
  {
    title: "numbers and sizes",
    then: "400, before anything is sent",
    attacks: [...qdrant.qdrantLimits, ...chroma.chromaLimits, ...search.searchLimits, ...others.otherLimits],
  },
  {
    title: "writes and deletions",
    then: "a document is what policy stamps; what is another's now isn't overwritten, changed or deleted",
    attacks: [...qdrant.qdrantWrites, ...chroma.chromaWrites, ...search.searchWrites, ...others.otherWrites],
  },
  {
    title: "somebody else's documents and places",
    then: "ids are looked up first, cursors are sealed to who got them",
    attacks: [...qdrant.qdrantForeign, ...search.searchForeign],
  },
  {
    title: "answers that aren't what was asked for",
    then: "each document is measured again; what can't be read is refused as a whole",
    attacks: [...qdrant.qdrantAnswers, ...chroma.chromaAnswers, ...others.otherAnswers],
  },
];
