using Marrow.Layers;
using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// Base of the models with six inputs. The generator makes every <c>[Model]</c> class derive from it; the
/// constructor builds the layers, each once and already specialized.
/// </summary>
/// <typeparam name="T1">First input.</typeparam>
/// <typeparam name="T2">Second input.</typeparam>
/// <typeparam name="T3">Third input.</typeparam>
/// <typeparam name="T4">Fourth input.</typeparam>
/// <typeparam name="T5">Fifth input.</typeparam>
/// <typeparam name="T6">Sixth input.</typeparam>
/// <typeparam name="TResult">Result.</typeparam>
public abstract class Model<T1, T2, T3, T4, T5, T6, TResult>
    : nn.Module<T1, T2, T3, T4, T5, T6, TResult>, IModel, IComponents
{
    private readonly ModelState state;

    /// <summary>Builds the layers.</summary>
    protected Model()
        : base("Model")
    {
        name = GetType().Name;
        state = new ModelState(this, _internal_params, _internal_buffers);
        state.Build();
        (_deviceType, _deviceIndex) = (Construction.Device.type, Construction.Device.index);
    }

    nn.Module IModel.Module => this;

    ModelState IModel.State => state;

    object? IModel.Call(object?[] inputs)
    {
        state.RequireInputs(inputs, 6);
        return call((T1)inputs[0]!, (T2)inputs[1]!, (T3)inputs[2]!, (T4)inputs[3]!, (T5)inputs[4]!, (T6)inputs[5]!);
    }

    void IModel.Specialize(LayerBuilder builder) => Specialize(builder);

    void IModel.BuildLayers(LayerBuilder builder) => BuildLayers(builder);

    void IModel.MapCheckpoint(CheckpointMap map) => MapCheckpoint(map);

    void IComponents.Replace(string name, Tensor value) => state.Replace(name, value);

    /// <summary>
    /// Runs the model; one that is marked by <c>[Recompute]</c> keeps only its inputs for the backward.
    /// </summary>
    public new TResult call(T1 input1, T2 input2, T3 input3, T4 input4, T5 input5, T6 input6) => state.Recomputes
        ? state.Recompute(
            x => base.call((T1)x[0]!, (T2)x[1]!, (T3)x[2]!, (T4)x[3]!, (T5)x[4]!, (T6)x[5]!),
            input1, input2, input3, input4, input5, input6)
        : base.call(input1, input2, input3, input4, input5, input6);

    /// <summary>The class, its parameters, types and devices, in a line.</summary>
    public override string ToString() => state.Describe();

    /// <summary>Says which layers get adapters; emitted for annotated classes.</summary>
    protected virtual void Specialize(LayerBuilder builder)
    {
    }

    /// <summary>Makes the layers; emitted for every model.</summary>
    protected virtual void BuildLayers(LayerBuilder builder)
    {
    }

    /// <summary>Says how checkpoints differ from the model; emitted where attributes say so.</summary>
    protected virtual void MapCheckpoint(CheckpointMap map)
    {
    }

    /// <summary>The <c>[Parameter]</c> or <c>[Buffer]</c> tensor of this checkpoint name.</summary>
    protected Tensor GetTensor(string name) => state[name];

    /// <inheritdoc/>
    protected override void RegisterComponents()
    {
        // The builder has registered everything; TorchSharp would add backing fields a second time.
    }

    /// <inheritdoc/>
    protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
    {
        state.Move(this, dtype, device);
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
            state.Dispose();
        }

        base.Dispose(disposing);
    }
}
