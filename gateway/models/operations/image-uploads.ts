/** OpenAI's `POST /v1/images/{edits,variations}`. Source: OpenAI API reference, "Create image edit". */
import type { FieldKind } from "./read-upload.js";
import { images } from "./images.js";
import type { UploadOperation } from "./upload.js";

const shared: Readonly<Record<string, FieldKind>> = {
  model: "text",
  n: "number",
  size: "text",
  response_format: "text",
  user: "text",
};
const editFields: Readonly<Record<string, FieldKind>> = {
  ...shared,
  prompt: "text",
  quality: "text",
  background: "text",
  moderation: "text",
  input_fidelity: "text",
  output_format: "text",
  output_compression: "number",
  partial_images: "number",
  stream: "flag",
};

function from(
  what: "edits" | "variations",
  fields: Readonly<Record<string, FieldKind>>,
  files: readonly string[],
): UploadOperation {
  const { protocol, speaker, headers, duties, words, usage } = images;
  return {
    ...{ protocol, speaker, headers, duties, words, usage },
    action: "image.edit",
    // several images: all of them are held
    shape: { fields, files, streams: false, required: what === "edits" ? ["model", "prompt"] : ["model"] },
    parameters: ["n", "size", "quality", "background", "moderation", "output_format", "input_fidelity"],
    path: (base) => (base.pathname === "/" ? `/v1/images/${what}` : `/images/${what}`),
  };
}

export const imageEdit = from("edits", editFields, ["image", "image[]", "mask"]);
export const imageVariation = from("variations", shared, ["image"]);
