// Reads the story of tests/cases/trivy-rate-limit from a simulated server, with Octopus's own client.
// Usage: node check.mjs http://127.0.0.1:PORT

import assert from "node:assert/strict";
import api from "@octopusdeploy/api-client";

const { Client, DeploymentProcessRepository, DeploymentRepository, ProjectRepository, ReleaseRepository } = api;
const { ServerTaskWaiter, SpaceServerTaskRepository } = api;
const space = "Octopus Copilot";

let facts = 0;
const holds = (actual, expected) => {
    assert.deepEqual(actual, expected);
    facts += 1;
};

const client = await Client.create({
    userAgentApp: "firefighter-check",
    instanceURL: process.argv[2],
    apiKey: "API-SIMULATED",
});
holds((await client.getServerInformation()).version, "2026.1.4321");

const deployments = await new DeploymentRepository(client, space).list({ environments: ["Environments-31"], take: 2 });
holds(deployments.TotalResults, 3);
const [deployment, previous] = deployments.Items;
holds([deployment.Id, previous.Id], ["Deployments-30512", "Deployments-30471"]);

const tasks = new SpaceServerTaskRepository(client, space);
const task = await tasks.getById(deployment.TaskId);
holds([task.State, task.IsCompleted], ["Executing", false]);
holds((await tasks.getByIds([deployment.TaskId, previous.TaskId])).map((one) => one.State), ["Executing", "Success"]);

const details = await tasks.getDetails(deployment.TaskId);
const failed = details.ActivityLogs[0].Children.filter((step) => step.Status === "Failed");
holds(failed.map((step) => step.Name), ["Step 6: Scan for Security Vulnerabilities"]);
const errors = failed[0].Children[0].LogElements.filter((line) => line.Category === "Error");
holds(errors[0].MessageText.includes("TOOMANYREQUESTS"), true);
holds((await tasks.getRaw(deployment.TaskId)).includes("== Failed: Step 6: Scan for Security Vulnerabilities =="), true);

const release = await new ReleaseRepository(client, space).get(deployment.ReleaseId);
holds(release.Version, "0.1.1982+84df60a.2078.1");

const project = await new ProjectRepository(client, space).get(release.ProjectId);
holds(project.PersistenceSettings.DefaultBranch, "main");
const process_ = await new DeploymentProcessRepository(client, space).getByGitRef(project, "main");
holds(process_.Steps[5].Actions[0].Properties["Octopus.Action.Script.Syntax"], "PowerShell");

const finished = await new ServerTaskWaiter(client, space).waitForServerTaskToComplete(previous.TaskId, 10, 1000);
holds(finished.IsCompleted, true);

console.log(`${facts} facts hold`);
