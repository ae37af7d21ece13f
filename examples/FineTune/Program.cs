// Compares ways to fine-tune a small language model: Bone, LoRA and its kin, and all weights, at about equal trainable
// parameters.
//
//   dotnet run -c Release --project examples/FineTune
//
// pretrains a small LLaMA on one-step arithmetic (kept under --out for the next run), fine-tunes one annotated variant
// after another on two-step problems, which the base cannot solve, and ends with a table, a page that tells all of it
// (report.html) and the saved adapters. Five minutes on two cores. With RWKV-6, or with a model and problems of your
// own:
//
//   dotnet run -c Release --project examples/FineTune -- --model rwkv6
//   dotnet run -c Release --project examples/FineTune -- --base BASE --data MetaMathQA.json --template alpaca
//
// Start reading at Variants/DecoderVariants.cs (the methods), then Experiment.cs (what happens).

using System.CommandLine;
using System.CommandLine.Invocation;
using Marrow;
using Marrow.Examples;
using Marrow.Examples.FineTune;
using Marrow.Language;

try
{
    var parsed = CommandLine.Create(Experiment.Run).Parse(args);
    if (parsed.Action is ParseErrorAction action)
    {
        action.ShowHelp = false; // the error would scroll away
    }

    return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (Exception fault) when (
    fault is UserException or CheckpointException or TextDataException or IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine($"error: {fault.Message}");
    return 1;
}
