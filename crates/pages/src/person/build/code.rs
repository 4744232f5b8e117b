//! Code that calls a deployment, in four languages. It runs when it is pasted, after the two lines that set
//! the endpoint and the key.

use maud::{Markup, html};

use crate::{
    person::{
        Visit,
        console::{
            parts::{keep_language, select},
            things::Deployment,
        },
    },
    words::{Message as _, build::Build, console::Console},
};

/// Name in the code if the resource has no deployment.
const PLACEHOLDER: &str = "DEPLOYMENT";

/// The kind of call that the code makes.
#[derive(Clone, Copy)]
enum Task {
    Chat,
    Embeddings,
}

/// Shows the code for one deployment, and the choice of another.
pub(super) fn shown(visit: &Visit<'_>, deployments: &[Deployment], wanted: Option<&str>) -> Markup {
    let lang = visit.frame.lang;
    let wanted = deployments.iter().find(|one| Some(one.name.as_str()) == wanted);
    let chat = || deployments.iter().find(|one| one.task == "chat");
    let chosen = wanted.or_else(chat).or_else(|| deployments.first());
    let task = match chosen.map(|one| one.task.as_str()) {
        Some("embeddings") => Task::Embeddings,
        _ => Task::Chat,
    };
    // Only a name by the API's rules goes into code that people run.
    let name = chosen.map(|one| one.name.as_str()).filter(|name| is_plain(name));
    let name = name.unwrap_or(PLACEHOLDER);
    let options: Vec<_> =
        deployments.iter().map(|one| (one.name.as_str(), one.name.as_str())).collect();
    html! {
        @if deployments.len() > 1 {
            form class="filters" method="get" {
                (keep_language(visit))
                (select(Console::Deployment.text(lang), "deployment", &options, name))
                button { (Build::ShowCode.text(lang)) }
            }
        }
        p { (Build::CodeFirst.text(lang)) }
        pre tabindex="0" { code { (SETTINGS) } }
        @for (language, install, text) in ALL {
            h3 { (language) }
            @if let Some(install) = install { p { code { (install) } } }
            pre tabindex="0" { code { (text(task).replace(PLACEHOLDER, name)) } }
        }
        p class="help" { (Build::CodeHelp.text(lang)) }
    }
}

/// Whether a name can stand in code as it is.
fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

const SETTINGS: &str = "export ENDPOINT=https://HOST:PORT\nexport API_KEY=…";

/// A language: its name, the command that installs its package, and its code.
type Language = (&'static str, Option<&'static str>, fn(Task) -> &'static str);

const ALL: [Language; 4] = [
    ("curl", None, curl),
    ("Python", Some("pip install openai"), python),
    ("JavaScript", Some("npm install openai"), javascript),
    ("C#", Some("dotnet add package Azure.AI.OpenAI"), csharp),
];

fn curl(task: Task) -> &'static str {
    match task {
        Task::Chat => {
            r#"curl -sS "$ENDPOINT/openai/v1/chat/completions" \
    -H "api-key: $API_KEY" -H "Content-Type: application/json" \
    -d '{"model": "DEPLOYMENT", "messages": [{"role": "user", "content": "Say hello."}]}'"#
        }
        Task::Embeddings => {
            r#"curl -sS "$ENDPOINT/openai/v1/embeddings" \
    -H "api-key: $API_KEY" -H "Content-Type: application/json" \
    -d '{"model": "DEPLOYMENT", "input": "Say hello."}'"#
        }
    }
}

fn python(task: Task) -> &'static str {
    match task {
        Task::Chat => {
            r#"import os
from openai import OpenAI

client = OpenAI(base_url=os.environ["ENDPOINT"] + "/openai/v1/", api_key=os.environ["API_KEY"])
answer = client.chat.completions.create(
    model="DEPLOYMENT",
    messages=[{"role": "user", "content": "Say hello."}],
)
print(answer.choices[0].message.content)"#
        }
        Task::Embeddings => {
            r#"import os
from openai import OpenAI

client = OpenAI(base_url=os.environ["ENDPOINT"] + "/openai/v1/", api_key=os.environ["API_KEY"])
answer = client.embeddings.create(model="DEPLOYMENT", input="Say hello.")
print(len(answer.data[0].embedding))"#
        }
    }
}

fn javascript(task: Task) -> &'static str {
    match task {
        Task::Chat => {
            r#"// hello.mjs
import OpenAI from "openai";

const client = new OpenAI({
  baseURL: `${process.env.ENDPOINT}/openai/v1/`,
  apiKey: process.env.API_KEY,
});
const answer = await client.chat.completions.create({
  model: "DEPLOYMENT",
  messages: [{ role: "user", content: "Say hello." }],
});
console.log(answer.choices[0].message.content);"#
        }
        Task::Embeddings => {
            r#"// hello.mjs
import OpenAI from "openai";

const client = new OpenAI({
  baseURL: `${process.env.ENDPOINT}/openai/v1/`,
  apiKey: process.env.API_KEY,
});
const answer = await client.embeddings.create({ model: "DEPLOYMENT", input: "Say hello." });
console.log(answer.data[0].embedding.length);"#
        }
    }
}

fn csharp(task: Task) -> &'static str {
    match task {
        Task::Chat => {
            r#"using System.ClientModel;
using Azure.AI.OpenAI;
using OpenAI.Chat;

var client = new AzureOpenAIClient(
    new Uri(Environment.GetEnvironmentVariable("ENDPOINT")!),
    new ApiKeyCredential(Environment.GetEnvironmentVariable("API_KEY")!));
ChatCompletion answer = client.GetChatClient("DEPLOYMENT")
    .CompleteChat(new UserChatMessage("Say hello."));
Console.WriteLine(answer.Content[0].Text);"#
        }
        Task::Embeddings => {
            r#"using System.ClientModel;
using Azure.AI.OpenAI;
using OpenAI.Embeddings;

var client = new AzureOpenAIClient(
    new Uri(Environment.GetEnvironmentVariable("ENDPOINT")!),
    new ApiKeyCredential(Environment.GetEnvironmentVariable("API_KEY")!));
OpenAIEmbedding answer = client.GetEmbeddingClient("DEPLOYMENT").GenerateEmbedding("Say hello.");
Console.WriteLine(answer.ToFloats().Length);"#
        }
    }
}
