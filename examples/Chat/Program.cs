// Talks with a language model in the terminal: a base, with a PEFT adapter if there is one.
//
//   dotnet run -c Release --project examples/Chat -- --base BASE [--adapter DIR] [--template alpaca] [--gguf FILE]
//
// BASE is a folder of Hugging Face's (LLaMA, Mistral, Qwen, Gemma, Phi-3, GPT-2), or an RWKV-6 (.pth or safetensors)
// with its tokenizer beside it. What the main job leaves will do: --base runs/finetune/base --adapter
// runs/finetune/adapters/bone-row. Each line is a question, the next of a conversation if the model has a chat
// template; an empty one ends the program, Ctrl-C an answer. With --gguf, llama.cpp answers too, and both say how fast
// they were; a file that is not there yet is written, of the base with its adapter.

using System.CommandLine;
using System.CommandLine.Invocation;
using Marrow;
using Marrow.Examples;
using Marrow.Examples.Chat;
using Marrow.Language;

var path = new Option<string>("--base") { Description = "The base.", Required = true };
var adapter = new Option<string?>("--adapter")
{
    Description = "Folder of a PEFT adapter; it is merged into the base.",
};
var gguf = new Option<string?>("--gguf")
{
    Description = "A GGUF file of the model, from which llama.cpp answers too; written if it is not there.",
};
var template = new Option<string?>("--template")
{
    Description = "How instructions are written; if not given, as the model's own chat template has it, else plain.",
};
template.AcceptOnlyFromAmong([.. PromptTemplate.All.Keys]);
var count = new Option<int>("--count")
{
    Description = "The most tokens of an answer.",
    DefaultValueFactory = _ => 256,
};
var temperature = new Option<double>("--temperature")
{
    Description = "0 takes the likeliest token.",
    DefaultValueFactory = _ => 0,
};
var topP = new Option<double>("--top-p")
{
    Description = "Sample among the likeliest tokens of this probability.",
    DefaultValueFactory = _ => 1,
};
var seed = new Option<ulong>("--seed") { Description = "Decides what is sampled.", DefaultValueFactory = _ => 0 };
var (device, type) = (DeviceName.Option(), TypeName.Option());
var command = new RootCommand("Talks with a language model.")
{
    path,
    adapter,
    gguf,
    template,
    count,
    temperature,
    topP,
    seed,
    device,
    type,
};
command.SetAction(parsed =>
{
    using var session = ChatSession.Open(
        parsed.GetRequiredValue(path),
        parsed.GetValue(adapter),
        parsed.GetValue(gguf),
        parsed.GetValue(template) is { } name ? PromptTemplate.All[name] : null,
        new(parsed.GetValue(count), Temperature: parsed.GetValue(temperature), TopP: parsed.GetValue(topP),
            Seed: parsed.GetValue(seed)),
        DeviceName.Parse(parsed.GetValue(device)!),
        TypeName.Parse(parsed.GetValue(type)!));
    session.Run(Console.In, Console.Out);
});

try
{
    var parsed = command.Parse(args);
    if (parsed.Action is ParseErrorAction action)
    {
        action.ShowHelp = false; // the error would scroll away
    }

    return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (Exception fault) when (
    fault is UserException or CheckpointException or IOException or UnauthorizedAccessException or ArgumentException)
{
    Console.Error.WriteLine($"error: {fault.Message}");
    return 1;
}
