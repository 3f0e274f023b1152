// Reads JSON, a list of Kubernetes objects, and writes what is wrong with each, or null: types, enums, patterns and
// required fields, by the definitions that KEDA and Karpenter publish. They do not refuse unknown fields.
import { readFileSync } from "node:fs";
import * as karpenter from "@kubernetes-models/karpenter/karpenter.sh/v1";
import * as keda from "@kubernetes-models/keda/keda.sh/v1alpha1";

const models = { "keda.sh/v1alpha1": keda, "karpenter.sh/v1": karpenter };
const errors = JSON.parse(readFileSync(0, "utf8")).map((object) => {
  try {
    new models[object.apiVersion][object.kind](object).validate();
    return null;
  } catch (error) {
    return error.message;
  }
});
process.stdout.write(JSON.stringify(errors));
