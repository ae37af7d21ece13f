// The command `marrow`. Start reading at CommandLine/MarrowCommand.cs, which names the verbs; each is a file of Verbs.

using Marrow.Tool.CommandLine;
using Marrow.Tool.Terminal;

using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, press) =>
{
    // The first Ctrl-C asks the verb to end and keep what is done; the second ends the process.
    press.Cancel = !stop.IsCancellationRequested;
    stop.Cancel();
};
return MarrowCommand.Run(args, Screen.OfConsole(), stop.Token);
