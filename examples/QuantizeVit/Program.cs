// Quantizes a vision transformer to a few bits by training, and compares the ways to do it.
//
//   dotnet run -c Release --project examples/QuantizeVit
//
// trains a small float DeiT on generated images, then the same network with two-bit weights and activations that learns
// from it: with learned steps (LSQ), with statistical ones (StatsQ), with queries and keys quantized as one product
// (QKR), and annealed (CGA). It ends with a table, two pictures, and the models exported as integers. Under six minutes
// on two cores. With images of your own:
//
//   dotnet run -c Release --project examples/QuantizeVit -- --data FOLDER --format imagefolder
//
// Start reading at Variants.cs (the methods), then Experiment.cs (what happens).

using System.CommandLine;
using System.CommandLine.Invocation;
using Marrow;
using Marrow.Examples;
using Marrow.Examples.QuantizeVit;
using Marrow.Vision;

try
{
    var parsed = CommandLine.Create(Experiment.Run).Parse(args);
    if (parsed.Action is ParseErrorAction action)
    {
        action.ShowHelp = false; // the error would scroll away
    }

    return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (Exception fault) when (fault is UserException or CheckpointException or ImageDataException or TrainingException
    or IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine($"error: {fault.Message}");
    return 1;
}
