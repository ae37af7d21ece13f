using static TorchSharp.torch;

namespace Marrow.Examples.QuantizeVit;

/// <summary>What the command line says.</summary>
/// <param name="Bits">Bits of weights and activations.</param>
/// <param name="Data">Folder of images, or null: generate them.</param>
/// <param name="Format">cifar10, idx or imagefolder.</param>
/// <param name="SkipUnreadable">Whether images that cannot be read are left out.</param>
/// <param name="Image">Edge of the model's input.</param>
/// <param name="TeacherSteps">Steps of the float teacher.</param>
/// <param name="Steps">Steps of each quantized model.</param>
/// <param name="AnnealingSteps">Steps of CGA's annealing, after those of QKR.</param>
/// <param name="Batch">Images in a step.</param>
/// <param name="Seeds">One whole comparison for each.</param>
/// <param name="Out">Folder of what is kept.</param>
/// <param name="Json">File for the results, or null.</param>
/// <param name="Log">Folder for TensorBoard, or null.</param>
/// <param name="Device">Where to train.</param>
/// <param name="Type">The type of the weights.</param>
internal sealed record Options(
    int Bits,
    string? Data,
    string Format,
    bool SkipUnreadable,
    int Image,
    int TeacherSteps,
    int Steps,
    int AnnealingSteps,
    int Batch,
    IReadOnlyList<int> Seeds,
    string Out,
    string? Json,
    string? Log,
    Device Device,
    ScalarType Type);
