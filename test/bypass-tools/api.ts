/** The OpenAPI document of a small API. */
const ok = {
  "200": { description: "it", content: { "application/json": { schema: { type: "object" } } } },
  "404": { description: "none", content: { "application/json": { schema: { type: "object" } } } },
};
const inPath = (name: string, type: string): object => ({
  name,
  in: "path",
  required: true,
  schema: { type },
});
const inQuery = (name: string, type: string): object => ({ name, in: "query", schema: { type } });
const pet = {
  ...{ type: "object", required: ["name"], additionalProperties: false },
  properties: { name: { type: "string" }, amount: { type: "integer" } },
};

export const api = {
  openapi: "3.1.0",
  info: { title: "Pets", version: "1" },
  // where requests go is never the document's to say
  servers: [{ url: "http://169.254.169.254/latest" }],
  paths: {
    "/pets": {
      get: {
        operationId: "listPets",
        parameters: [inQuery("limit", "integer"), inQuery("q", "string")],
        responses: ok,
      },
      post: {
        operationId: "addPet",
        requestBody: { required: true, content: { "application/json": { schema: pet } } },
        responses: ok,
      },
    },
    "/pets/{petId}": {
      get: { operationId: "getPet", parameters: [inPath("petId", "integer")], responses: ok },
      delete: { operationId: "remove", parameters: [inPath("petId", "integer")], responses: ok },
    },
    "/files/{file}": {
      get: { operationId: "findFile", parameters: [inPath("file", "string")], responses: ok },
    },
    "/hidden": { get: { operationId: "hidden", responses: ok } },
  },
};
