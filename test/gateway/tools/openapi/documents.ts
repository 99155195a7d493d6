/** OpenAPI documents of a small API, in both versions. */

const pet = {
  type: "object",
  required: ["name"],
  properties: {
    id: { type: "integer", format: "int64", readOnly: true },
    name: { type: "string", minLength: 1, maxLength: 40, pattern: "^[^\\n]*$" },
    age: { type: "integer", minimum: 0, exclusiveMinimum: true, maximum: 40 },
    chip: { type: "integer", format: "int64" },
    note: { type: "string", nullable: true },
    owner: { $ref: "#/components/schemas/Owner" },
    parent: { $ref: "#/components/schemas/Pet" },
  },
};
const owner = {
  type: "object",
  properties: { name: { type: "string" }, admin: { type: "boolean" } },
};
const answers = {
  "200": {
    description: "it",
    content: { "application/json": { schema: { $ref: "#/components/schemas/Pet" } } },
  },
  "404": { description: "none", content: { "application/json": { schema: { type: "object" } } } },
};
const petId = { name: "petId", in: "path", required: true, schema: { type: "integer", format: "int64" } };
const query = (name: string, schema: unknown, more: object = {}): object => ({
  name,
  in: "query",
  schema,
  ...more,
});

export const document30 = {
  openapi: "3.0.3",
  info: { title: "Pets", version: "1.2.0", description: "A small shop." },
  // INVARIANT under test: where requests go is never the document's to say
  servers: [{ url: "http://169.254.169.254/latest" }],
  paths: {
    "/pets": {
      get: {
        operationId: "listPets",
        summary: "List pets",
        parameters: [
          query("limit", { type: "integer", minimum: 1, maximum: 100 }),
          query("q", { type: "string" }),
          query("tags", { type: "array", items: { type: "string" } }),
          query(
            "status",
            { type: "array", items: { type: "string", enum: ["sold", "free"] } },
            { explode: false },
          ),
          query(
            "ids",
            { type: "array", items: { type: "integer" } },
            { style: "pipeDelimited", explode: false },
          ),
          query(
            "filter",
            { type: "object", properties: { name: { type: "string" }, age: { type: "number" } } },
            { style: "deepObject", explode: true },
          ),
          {
            name: "where",
            in: "query",
            content: {
              "application/json": { schema: { type: "object", properties: { a: { type: "integer" } } } },
            },
          },
          query("exact", { type: "boolean" }),
          { name: "X-Request-Kind", in: "header", schema: { type: "string", enum: ["fast", "slow"] } },
          { name: "X-HTTP-Method-Override", in: "header", schema: { type: "string" } },
          { name: "Authorization", in: "header", required: true, schema: { type: "string" } },
          { name: "session", in: "cookie", schema: { type: "string" } },
        ],
        responses: {
          "200": {
            description: "all",
            content: {
              "application/json": { schema: { type: "array", items: { $ref: "#/components/schemas/Pet" } } },
            },
          },
        },
      },
      post: {
        operationId: "createPet",
        requestBody: {
          required: true,
          content: { "application/json": { schema: { $ref: "#/components/schemas/Pet" } } },
        },
        responses: {
          "201": {
            description: "made",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Pet" } } },
          },
        },
      },
    },
    "/pets/mine": {
      get: { operationId: "secretPets", responses: { "200": { description: "secret" } } },
    },
    "/pets/{petId}": {
      parameters: [petId],
      get: { operationId: "getPet", description: "Get one pet", responses: answers },
      put: {
        operationId: "replacePet",
        requestBody: { content: { "application/json": { schema: { $ref: "#/components/schemas/Pet" } } } },
        responses: answers,
      },
      delete: { operationId: "deletePet", responses: { "204": { description: "gone" } } },
    },
    "/files/{name}.txt": {
      get: {
        operationId: "files.read",
        parameters: [{ name: "name", in: "path", required: true, schema: { type: "string" } }],
        responses: { "200": { description: "text", content: { "text/plain": {} } } },
      },
    },
    "/sales": {
      post: {
        operationId: "sell",
        requestBody: {
          required: true,
          content: {
            "application/x-www-form-urlencoded": {
              schema: {
                type: "object",
                required: ["pet"],
                properties: {
                  pet: { type: "integer" },
                  to: { type: "string" },
                  extras: { type: "array", items: { type: "string" } },
                },
              },
            },
          },
        },
        responses: {
          "200": { description: "sold", content: { "application/json": { schema: { type: "object" } } } },
        },
      },
    },
    "/pictures": {
      post: {
        operationId: "upload",
        requestBody: { content: { "multipart/form-data": { schema: { type: "object" } } } },
        responses: { "200": { description: "kept" } },
      },
    },
  },
  components: { schemas: { Pet: pet, Owner: owner } },
};

export const document31 = {
  openapi: "3.1.0",
  info: { title: "Orders", version: "2" },
  servers: [{ url: "https://elsewhere.example" }],
  paths: {
    "/orders/{region}/{id}": {
      get: {
        operationId: "getOrder",
        parameters: [
          { name: "region", in: "path", required: true, schema: { enum: ["eu", "us"] } },
          { name: "id", in: "path", required: true, schema: { type: "string", pattern: "^[A-Z0-9]{4}$" } },
        ],
        responses: {
          "200": {
            description: "it",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Order" } } },
          },
        },
      },
    },
    "/orders": {
      post: {
        operationId: "placeOrder",
        requestBody: {
          required: true,
          content: { "application/json": { schema: { $ref: "#/components/schemas/Order" } } },
        },
        responses: {
          "200": {
            description: "it",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Order" } } },
          },
        },
      },
    },
  },
  components: {
    schemas: {
      Base: { type: "object", properties: { note: { type: ["string", "null"] } } },
      Order: {
        allOf: [{ $ref: "#/components/schemas/Base" }],
        type: "object",
        properties: {
          amount: { type: "number", exclusiveMinimum: 0, maximum: 9007199254740992 },
          kind: { const: "order" },
          pair: { type: "array", prefixItems: [{ type: "string" }, { type: "integer" }], items: false },
          free: { type: "object", additionalProperties: true },
        },
        required: ["amount"],
      },
    },
  },
};
