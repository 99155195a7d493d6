/** Marks of an attempt to speak to the model past the people who read the text. */
import type { Pattern } from "./pattern.js";

/** What no eye sees: found anywhere. */
export const hiddenPatterns: readonly Pattern[] = [
  // flags of regions are written with them, after a black flag; runs count once
  { kind: "tag_characters", form: /(?<!\u{1F3F4}[\u{E0000}-\u{E007F}]{0,8})[\u{E0000}-\u{E007F}]{1,32}/gu },
  { kind: "bidi_controls", form: /[\u202A-\u202E\u2066-\u2069]/g },
  // joiners are part of emoji and of many scripts, but not of words in Latin letters
  {
    kind: "zero_width",
    form: /(?=[\u00AD\u180E\u200B-\u200D\u2060-\u2064\uFEFF])(?:[\u200B\u2060-\u2064\u180E]|(?<!^)\uFEFF|(?<=[A-Za-z0-9 ])[\u200C\u200D\u00AD](?=[A-Za-z0-9 ]))(?:[\u200B-\u200D\u2060-\u2064\u180E\uFEFF]{0,31})/g,
  },
  // one selects a glyph; several in a row hold data
  { kind: "variation_selectors", form: /[\u{E0100}-\u{E01EF}]{1,32}|[\uFE00-\uFE0F]{2,32}/gu },
];

/** Phrases that give orders, in what tools and documents bring: data has none to give. */
export const phrasePatterns: readonly Pattern[] = [
  {
    kind: "instruction_phrase",
    form: /\b(?:ignore|disregard|forget|override|bypass)\s{1,3}(?:\w{1,12}\s{1,3}){0,4}?(?:instructions?|prompts?|rules|guidelines|directives|context|constraints)\b/gi,
    hints: ["ignore", "disregard", "forget", "override", "bypass"],
    // orders are about what was said before, or about what the model was told
    check: (text, start, end) =>
      /\b(?:previous|prior|above|earlier|preceding|all|any|your|system|safety|original|initial)\b/i.test(
        text.slice(start, end),
      )
        ? end
        : undefined,
  },
  {
    kind: "instruction_phrase",
    form: /\b(?:new (?:system )?instructions(?=:)|you are now|from now on,? you|pretend (?:to be|that you)|act as (?:an? )?(?:unrestricted|unfiltered|jailbroken)|(?:reveal|print|repeat|output|show) (?:me )?(?:your|the) (?:system|hidden|initial) (?:prompt|instructions)|do not (?:tell|inform|mention this to|alert) (?:the )?user|don't (?:tell|inform) (?:the )?user|without (?:telling|informing|asking) the user)\b/gi,
    hints: ["you", "pretend", "act as", "instructions", "prompt", "user"],
  },
  {
    kind: "instruction_phrase",
    // German, French, Spanish
    form: /(?:ignoriere?n?(?: sie)? (?:alle|die|sämtliche) (?:\w{1,14} ){0,2}(?:anweisungen|regeln)|ignore[zr]? (?:toutes )?(?:les|vos|tes) (?:instructions|consignes)|ignora (?:todas )?(?:las|tus) (?:instrucciones|reglas))/gi,
    hints: ["ignor"],
  },
  {
    kind: "chat_markup",
    form: /<\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id)\|>|\[\/?INST\]|<<\/?SYS>>|<\/?(?:system|system_prompt|important_instructions)>/gi,
    hints: ["<|", "inst]", "<<", "<system", "</system", "<important", "</important"],
  },
  {
    kind: "chat_markup",
    form: /^[ \t]{0,4}(?:Human|Assistant|System):\s/gm,
    hints: ["human:", "assistant:", "system:"],
  },
];
