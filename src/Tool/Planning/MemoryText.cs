using Marrow.Tool.Terminal;
using Spectre.Console;

namespace Marrow.Tool.Planning;

/// <summary>What a person reads of a plan.</summary>
internal static class MemoryText
{
    /// <summary>Prints it.</summary>
    public static void Show(MemoryPlan plan, Screen screen)
    {
        var share = FormattableString.Invariant($"{100.0 * plan.Trainable / plan.Parameters:0.##} %");
        screen.Facts(
            ("model", $"{plan.Model}, a {plan.Architecture} in {plan.Type}"),
            ("method", plan.Method),
            ("parameters", Amounts.Exact(plan.Parameters)),
            ("trainable", $"{Amounts.Exact(plan.Trainable)} ({share})"),
            ("this machine", $"{Amounts.Bytes(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes)} of memory"));
        var devices = plan.Devices.Values.ToList();
        var table = Screen.Table(plan.Devices.Keys.Select(name => (name, true)).Prepend(("", false)));
        Part("training", device => device.Training, [
            ("weights", memory => memory.Weights), ("gradients", memory => memory.Gradients),
            ("optimizer (AdamW)", memory => memory.Optimizer), ("activations and logits", memory => memory.Activations),
            ("libtorch", memory => memory.Library),
        ], memory => memory.Total);
        Part("decoding", device => device.Inference, [
            ("weights", memory => memory.Weights), ("cache", memory => memory.Cache),
            ("activations", memory => memory.Activations), ("libtorch", memory => memory.Library),
        ], memory => memory.Total);
        screen.Show(table);

        void Part<T>(
            string name,
            Func<DeviceMemory, T> of,
            IReadOnlyList<(string Name, Func<T, long> Bytes)> kinds,
            Func<T, long> total)
        {
            var tokens = $"{plan.Batch} × {plan.Length} tokens";
            table.AddRow([
                new Text($"{name}, {tokens}", new Style(decoration: Decoration.Bold)),
                .. devices.Select(device => new Text(
                    Amounts.Bytes(total(of(device))), new Style(decoration: Decoration.Bold))),
            ]);
            foreach (var (kind, bytes) in kinds)
            {
                table.AddRow([
                    new Text($"  {kind}"), .. devices.Select(device => new Text(Amounts.Bytes(bytes(of(device))))),
                ]);
            }
        }
    }
}
