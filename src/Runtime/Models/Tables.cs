using TorchSharp;
using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>
/// The computed tables of a model, <c>[Buffer]</c>. They are computed anew on each move rather than converted, so
/// that a model moved to a wider type has them in full precision.
/// </summary>
internal sealed class Tables : IDisposable
{
    private readonly Dictionary<string, Table> tables = [];

    public Tensor this[string name] => tables[name].Values;

    public void Add(string name, long[] sizes, Func<Tensor>? compute, ScalarType dtype, Device device)
    {
        var table = new Table(name, sizes, compute);
        table.Fill(dtype, device);
        tables.Add(name, table);
    }

    /// <summary>Computes all tables for a device and a type; null keeps what they have.</summary>
    public void Fill(ScalarType? dtype, Device? device)
    {
        foreach (var table in tables.Values)
        {
            table.Fill(dtype ?? table.Values.dtype, device ?? table.Values.device);
        }
    }

    public void Dispose()
    {
        foreach (var table in tables.Values)
        {
            table.Values.Dispose();
        }
    }

    private sealed class Table(string name, long[] sizes, Func<Tensor>? compute)
    {
        public Tensor Values { get; private set; } = null!;

        public void Fill(ScalarType dtype, Device device)
        {
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            var values = device.type == DeviceType.META || compute is null
                ? zeros(sizes, dtype: dtype, device: device)
                : compute();
            if (!values.shape.SequenceEqual(sizes))
            {
                throw new InvalidOperationException(
                    $"Table '{name}' is declared [{string.Join(", ", sizes)}], but its method computes "
                    + $"[{string.Join(", ", values.shape)}].");
            }

            var old = Values;
            Values = values
                .to(values.is_floating_point() ? dtype : values.dtype, device, copy: true)
                .DetachFromDisposeScope();
            old?.Dispose();
        }
    }
}
