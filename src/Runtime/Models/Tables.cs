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

    /// <summary>The values of a table, owned by no dispose scope; zeros where nothing computes them.</summary>
    /// <exception cref="InvalidOperationException">What is computed has other sizes.</exception>
    public static Tensor Compute(string name, long[] sizes, Func<Tensor>? compute, ScalarType dtype, Device device)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var values = device.type == DeviceType.META || compute is null
            ? zeros(sizes, dtype: dtype, device: device)
            : compute();
        return values.shape.SequenceEqual(sizes)
            ? values
                .to(values.is_floating_point() ? dtype : values.dtype, device, copy: true)
                .DetachFromDisposeScope()
            : throw new InvalidOperationException(
                $"Table '{name}' is declared [{string.Join(", ", sizes)}], but its method computes "
                + $"[{string.Join(", ", values.shape)}].");
    }

    private sealed class Table(string name, long[] sizes, Func<Tensor>? compute)
    {
        public Tensor Values { get; private set; } = null!;

        public void Fill(ScalarType dtype, Device device)
        {
            var old = Values;
            Values = Compute(name, sizes, compute, dtype, device);
            old?.Dispose();
        }
    }
}
