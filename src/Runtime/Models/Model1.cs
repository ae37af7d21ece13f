using Marrow.Autograd;
using Marrow.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// Base of the models with one input. The generator makes every <c>[Model]</c> class derive from it; the
/// constructor builds the layers, each once and already specialised.
/// </summary>
/// <typeparam name="T">Input.</typeparam>
/// <typeparam name="TResult">Result.</typeparam>
public abstract class Model<T, TResult> : nn.Module<T, TResult>, IModel, IComponents
{
    private readonly Tables tables = new();
    private bool recomputes;

    /// <summary>Builds the layers.</summary>
    protected Model()
        : base("Model")
    {
        name = GetType().Name;
        LayerBuilder.Build(this, tables);
        (_deviceType, _deviceIndex) = (Construction.Device.type, Construction.Device.index);
    }

    nn.Module IModel.Module => this;

    void IModel.Specialize(LayerBuilder builder) => Specialize(builder);

    void IModel.BuildLayers(LayerBuilder builder) => BuildLayers(builder);

    void IModel.Recompute() => recomputes = true;

    void IModel.FillTables(Device device) => tables.Fill(null, device);

    void IComponents.Replace(string name, Parameter parameter) => _internal_params[name] = parameter;

    /// <summary>Runs the model; one that is marked by <c>[Recompute]</c> keeps only its inputs for the backward.</summary>
    public new TResult call(T input) => recomputes && input is Tensor tensor1 && typeof(TResult) == typeof(Tensor)
        ? (TResult)(object)new Recomputation(GetType().Name, x => (Tensor)(object)base.call((T)(object)x[0])!, [tensor1]).Run()
        : base.call(input);

    /// <summary>Says which layers get adapters; emitted for annotated classes.</summary>
    protected virtual void Specialize(LayerBuilder builder)
    {
    }

    /// <summary>Makes the layers; emitted for every model.</summary>
    protected virtual void BuildLayers(LayerBuilder builder)
    {
    }

    /// <summary>The <c>[Parameter]</c> or <c>[Buffer]</c> tensor of this checkpoint name.</summary>
    protected Tensor GetTensor(string name) =>
        _internal_params.TryGetValue(name, out var parameter) ? parameter : tables[name];

    /// <inheritdoc/>
    protected override void RegisterComponents()
    {
        // The builder has registered everything; TorchSharp would add backing fields a second time.
    }

    /// <inheritdoc/>
    protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
    {
        ComponentMoves.MoveChildren(this, dtype, device);
        ComponentMoves.MoveParameters(this, dtype, device);
        tables.Fill(dtype, device);
        if (device is not null)
        {
            (_deviceType, _deviceIndex) = (device.type, device.index);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            tables.Dispose();
        }

        base.Dispose(disposing);
    }
}
